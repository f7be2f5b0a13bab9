"""Which exception each error of OpenRouter is, on every endpoint."""
