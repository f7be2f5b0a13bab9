"""Two questions to LiteLLM's proxy, one of them streamed, and the cost of each.

Run it with LITELLM_API_KEY set, and LITELLM_URL if the proxy is not at http://localhost:4000.
It costs less than a hundredth of a US cent.
"""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("LITELLM_URL", "http://localhost:4000") + "/v1",
    api_key=os.environ["LITELLM_API_KEY"],
)

# Without streaming, the cost is in a header.
answer = client.chat.completions.with_raw_response.create(
    model="cheap",
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    user="cookbook",
)
print(answer.parse().choices[0].message.content)
print(f"cost: {float(answer.headers['x-litellm-response-cost']):.12f} USD\n")

# A stream's headers are sent before the cost is known: it is in the usage of the last chunk.
stream = client.chat.completions.create(
    model="cheap",
    messages=[{"role": "user", "content": "Name three birds."}],
    user="cookbook",
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\ncost: {chunk.usage.model_dump()['cost']:.12f} USD")
