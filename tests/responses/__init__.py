"""`litellm.responses` and `litellm.aresponses` on OpenRouter."""
