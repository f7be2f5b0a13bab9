"""`/completions` through `litellm.text_completion`."""
