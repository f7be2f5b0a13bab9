"""The sentence that is closest in meaning to a question.

Run it with OPENROUTER_API_KEY set. It costs less than a thousandth of a US cent.
"""

import math

import litellm

import openrouter_adapter

openrouter_adapter.register()

QUESTION = "How do I get my money back?"
SENTENCES = [
    "Refunds are paid within five days.",
    "Our office is closed on Sundays.",
    "The parcel is on its way.",
]

response = litellm.embedding(
    "openrouter/openai/text-embedding-3-small", input=[QUESTION, *SENTENCES], dimensions=256
)
question, *sentences = (entry["embedding"] for entry in response.data)


def similarity(one: list[float], other: list[float]) -> float:
    """The cosine of the angle between two vectors: 1 if they have the same direction."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


for text, vector in zip(SENTENCES, sentences, strict=True):
    print(f"{similarity(question, vector):6.3f}  {text}")

print(f"\n{response.usage.prompt_tokens} tokens")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
