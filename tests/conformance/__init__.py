"""Replays recorded OpenRouter traffic through LiteLLM and measures what was lost."""
