"""An answer that is printed as it comes, and its cost, which comes at the end.

Run it with OPENROUTER_API_KEY set. It costs less than a tenth of a US cent.
"""

import litellm

import openrouter_adapter

openrouter_adapter.register()

stream = litellm.completion(
    "openrouter/anthropic/claude-haiku-4.5",
    messages=[
        {"role": "user", "content": "Tell me in three sentences how a stream of water sings."}
    ],
    max_tokens=200,
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)

# After the last chunk the stream has the whole answer, like that of a call without streaming.
# `stream_options` are not needed: usage and cost always come.
answer = stream.response
print(f"\n\n{answer.usage.completion_tokens} tokens, finished by {answer.choices[0].finish_reason}")
print(f"cost: {answer._hidden_params['response_cost']:.12f} USD")
