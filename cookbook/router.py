"""A LiteLLM Router from OpenRouter's catalogue, with fallbacks, and with the cheapest model first.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

import asyncio

import litellm

import openrouter_adapter
from openrouter_adapter import routing

openrouter_adapter.register()

messages = [{"role": "user", "content": "Name a bird."}]

# 1. Models that take images, for at most 1 USD per million prompt tokens. If one fails, the two
#    with the closest price and the same features are tried.
chosen = routing.select("openai/gpt-4*", "google/gemini-2.5-*", needs=["vision"], max_prompt=1)
configuration = routing.config(chosen, similar_fallbacks=2, settings={"num_retries": 0})
for chain in configuration["fallbacks"]:
    for first, rest in chain.items():
        print(f"{first} falls back to {' and then '.join(rest)}")

router = litellm.Router(**configuration)
name = chosen[0].name
response = router.completion(name, messages, max_tokens=20)
print(f"{name}: {response.choices[0].message.content}")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")

# 2. The same models under one name; the cheapest answers.
deployment = routing.Deployment(group="eyes", prices=True, provider={"sort": "price"})
router = litellm.Router(
    routing.model_list(chosen, deployment), routing_strategy="cost-based-routing"
)
response = asyncio.run(router.acompletion("eyes", messages, max_tokens=20))
print(f"the cheapest is {response.model}: {response.choices[0].message.content}")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")

# 3. What `openrouter-adapter router-config` writes: the YAML of LiteLLM's proxy.
print(routing.dumps(routing.config(chosen[:1], wildcard=True, proxy=True)))
