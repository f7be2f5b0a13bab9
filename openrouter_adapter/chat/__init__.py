"""`/chat/completions` through `litellm.completion`."""
