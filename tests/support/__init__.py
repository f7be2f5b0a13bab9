"""What several tests use: a server in OpenRouter's place, and every way to call it."""
