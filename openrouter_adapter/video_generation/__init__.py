"""Videos: `litellm.video_generation` and its kin on OpenRouter's `/videos`."""
