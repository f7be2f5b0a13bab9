"""A long text that costs its full price once, and a tenth of it after that.

Run it with OPENROUTER_API_KEY set. It costs about 1 US cent.
"""

import litellm

import openrouter_adapter

openrouter_adapter.register()

# In place of your own manual, code or contract. Models cache from 1,000 to 4,000 tokens on.
MANUAL = "\n".join(f"{n}. Bird number {n} sings at {n % 12} o'clock." for n in range(1, 401))

# Everything up to the mark is cached for five minutes, or for an hour with {"ttl": "1h"}.
system = {
    "role": "system",
    "content": [{"type": "text", "text": MANUAL, "cache_control": {"type": "ephemeral"}}],
}

for question in ("When does bird number 7 sing?", "And bird number 30?"):
    response = litellm.completion(
        "openrouter/anthropic/claude-haiku-4.5",
        messages=[system, {"role": "user", "content": question}],
        max_tokens=50,
        # Each provider has its own cache, so use only one.
        provider={"order": ["anthropic"], "allow_fallbacks": False},
    )
    print(response.choices[0].message.content)
    tokens = response.usage.prompt_tokens_details
    print(f"{tokens.cached_tokens} of {response.usage.prompt_tokens} tokens came from the cache")
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")
