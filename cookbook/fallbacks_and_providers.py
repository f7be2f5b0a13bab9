"""OpenRouter chooses the model that answers and the provider that serves it, in one request.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

from typing import Any

import litellm

import openrouter_adapter

openrouter_adapter.register()

LLAMA = "openrouter/meta-llama/llama-3.3-70b-instruct"


def ask(title: str, model: str, **options: Any) -> None:
    """Ask with these options; print who answered, and the cost."""
    response = litellm.completion(
        model, messages=[{"role": "user", "content": "Name a bird."}], max_tokens=20, **options
    )
    facts = response._hidden_params["openrouter"]
    print(f"{title}: {facts['model']} at {facts['provider']}")
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")


# Models in the order in which they are tried. You pay for the one that answers.
ask("a fallback", "openrouter/openai/gpt-4o-mini", models=["google/gemini-2.5-flash"])

# The fastest of one model's providers, if it is cheap enough (USD per million tokens).
ask(
    "the fastest",
    LLAMA,
    provider={"sort": "throughput", "max_price": {"prompt": 1, "completion": 2}},
)

# Suffixes of the name do the same: `:nitro` sorts by throughput, `:floor` by price.
ask("the cheapest", f"{LLAMA}:floor")

# Only these two providers, and only if they don't store your data.
ask(
    "one of two",
    LLAMA,
    provider={
        "order": ["groq", "together"],
        "allow_fallbacks": False,
        "data_collection": "deny",
    },
)

# OpenRouter also chooses the model.
ask("the auto router", "openrouter/openrouter/auto")
