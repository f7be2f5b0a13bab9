"""What `register()` puts into LiteLLM: handlers, the watch on its clients, refusals, its names."""
