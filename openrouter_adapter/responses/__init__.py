"""OpenAI's Responses API on OpenRouter."""
