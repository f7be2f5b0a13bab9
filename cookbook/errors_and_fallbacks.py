"""Exceptions, and two kinds of fallbacks: OpenRouter's and a Router's.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

import litellm

import openrouter_adapter

openrouter_adapter.register()

messages = [{"role": "user", "content": "Name a bird."}]

# 1. Every failure is one of LiteLLM's exceptions, with OpenRouter's message and status.
try:
    litellm.completion("openrouter/openai/no-such-model", messages=messages)
except (litellm.NotFoundError, litellm.BadRequestError) as failure:
    print(f"{type(failure).__name__}, status {failure.status_code}:\n  {failure}\n")

# 2. An invalid request is refused before it is sent, and costs nothing.
try:
    litellm.completion("openrouter/openai/gpt-4o-mini", messages=messages, provider={"order": "x"})
except litellm.BadRequestError as failure:
    print(f"{type(failure).__name__}, nothing was sent:\n  {failure}\n")

# 3. OpenRouter's own fallbacks: more models in one request. You pay for the one that answers.
response = litellm.completion(
    "openrouter/openai/gpt-4o-mini",
    messages=messages,
    models=["google/gemini-2.5-flash"],
    max_tokens=20,
)
print(f"{response.model}: {response.choices[0].message.content}")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")

# 4. A Router's fallbacks: more requests, to any provider that LiteLLM supports.
router = litellm.Router(
    model_list=[
        {"model_name": "first", "litellm_params": {"model": "openrouter/openai/no-such-model"}},
        {"model_name": "second", "litellm_params": {"model": "openrouter/openai/gpt-4o-mini"}},
    ],
    fallbacks=[{"first": ["second"]}],
    num_retries=0,
)
response = router.completion("first", messages, max_tokens=20)
print(f"{response.model}: {response.choices[0].message.content}")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
