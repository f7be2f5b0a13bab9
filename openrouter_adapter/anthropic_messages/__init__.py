"""Anthropic's Messages: `litellm.anthropic_messages`, and `/v1/messages` of LiteLLM's proxy."""
