"""Settings that are stored at OpenRouter under a name, used in three ways.

First create a preset `short-answers` with any cheap model: https://openrouter.ai/settings/presets

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

from typing import Any

import litellm

import openrouter_adapter

openrouter_adapter.register()

PRESET = "short-answers"


def ask(model: str, **options: Any) -> None:
    """Ask with a preset; print the model that answered, and the cost."""
    messages = [{"role": "user", "content": "Why do birds sing?"}]
    response = litellm.completion(model, messages=messages, **options)
    print(f"{model}: {response.model}: {response.choices[0].message.content}")
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")


# The preset's own model.
ask(f"openrouter/@preset/{PRESET}")

# Another model with the preset's settings, as a part of its name or as an option.
ask(f"openrouter/openai/gpt-4o-mini@preset/{PRESET}")
ask("openrouter/openai/gpt-4o-mini", preset=PRESET)

# The call's parameters override the preset's, field by field.
ask(f"openrouter/@preset/{PRESET}", max_tokens=16)
