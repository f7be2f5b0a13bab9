"""The account, with types: the key, the record of a request, and the providers of a model.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent. If
OPENROUTER_PROVISIONING_KEY is set, too, it creates a key with a limit and deletes it again. It
needs an extra: pip install '.[account]' in a checkout.
"""

import os
from decimal import Decimal

import litellm

import openrouter_adapter
from openrouter_adapter import account

openrouter_adapter.register()

response = litellm.completion(
    "openrouter/openai/gpt-4o-mini",
    messages=[{"role": "user", "content": "Name three birds."}],
    max_tokens=50,
)
facts = response._hidden_params["openrouter"]
print(f"cost: {Decimal(str(facts['cost'])):f} USD")

# The official SDK, with the key and the address of the call above.
with account.client() as openrouter:
    key = openrouter.api_keys.get_current_key_metadata().data
    limit = "no limit" if key.limit_remaining is None else f"{key.limit_remaining} USD left"
    print(f"\n{key.label}: {key.usage_daily} USD today, {limit}")

    # OpenRouter needs some seconds before it knows a request; the emulator knows it at once.
    try:
        with account.litellm_errors():
            made = openrouter.generations.get_generation(id=facts["generation_id"]).data
        print(f"{made.id}: {made.provider_name}, {made.latency} ms to the first token")
    except litellm.NotFoundError:
        print(f"later: openrouter-adapter generation {facts['generation_id']}")

    for endpoint in openrouter.endpoints.list(author="openai", slug="gpt-4o-mini").data.endpoints:
        print(f"{endpoint.provider_name}: {endpoint.pricing.prompt} USD a prompt token")

# Managing the account needs a separate key, which can't call models.
if os.environ.get("OPENROUTER_PROVISIONING_KEY"):
    with account.client(provisioning=True) as openrouter:
        new = openrouter.api_keys.create(name="cookbook", limit=1.0, limit_reset="daily")
        print(f"\nmade {new.data.label} with {new.data.limit} USD a day")
        openrouter.api_keys.delete(hash=new.data.hash)
