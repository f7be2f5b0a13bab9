"""Everything OpenRouter can do, through LiteLLM's own calls, with the exact price of each."""
