"""`/embeddings` through `litellm.embedding`."""
