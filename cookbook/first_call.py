"""One question, one answer, and its exact cost.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

import litellm

import openrouter_adapter

# From here on, LiteLLM's calls on `openrouter/…` models run on this package.
openrouter_adapter.register()

response = litellm.completion(
    "openrouter/openai/gpt-4o-mini",
    messages=[{"role": "user", "content": "Why is the sky blue? Answer in one sentence."}],
    max_tokens=100,
)
print(response.choices[0].message.content)

# OpenRouter's facts about the request: its provider, model and id.
facts = response._hidden_params["openrouter"]
print(f"\nserved by {facts['provider']} as {facts['model']}, id {facts['generation_id']}")

# The cost is what OpenRouter billed, not an estimate from a table.
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
