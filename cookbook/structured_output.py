"""An answer that fits a pydantic class, from a provider that supports schemas.

Run it with OPENROUTER_API_KEY set. It costs less than a hundredth of a US cent.
"""

import litellm
from pydantic import BaseModel

import openrouter_adapter

openrouter_adapter.register()


class City(BaseModel):
    """The facts about a city."""

    name: str
    country: str
    sights: list[str]


response = litellm.completion(
    "openrouter/openai/gpt-4o-mini",
    messages=[{"role": "user", "content": "Tell me about Lisbon, with two sights."}],
    response_format=City,
    # Only providers that support every parameter of this request, including the schema.
    provider={"require_parameters": True},
)
city = City.model_validate_json(response.choices[0].message.content)
print(f"{city.name}, {city.country}: {', '.join(city.sights)}")

print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
