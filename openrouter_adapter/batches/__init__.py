"""OpenRouter's Batch API: its wire, LiteLLM's batches, and the files that these need."""
