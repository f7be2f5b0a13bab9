"""`/audio/speech` through `litellm.speech`."""
