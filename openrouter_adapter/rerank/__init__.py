"""`/rerank` through `litellm.rerank`."""
