"""`/audio/transcriptions` through `litellm.transcription`."""
