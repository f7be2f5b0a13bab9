"""A model that reasons, calls a function, and continues its reasoning.

The signed reasoning is sent back with the message: without it, Anthropic refuses the next turn.

Run it with OPENROUTER_API_KEY set. It costs about 2 US cents.
"""

import json
from typing import Any

import litellm

import openrouter_adapter

openrouter_adapter.register()

MODEL = "openrouter/anthropic/claude-sonnet-4.5"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city now",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def get_weather(city: str) -> str:
    """An example, in place of your own function."""
    return f"{city}: 18 degrees Celsius, sunny"


messages: list[Any] = [{"role": "user", "content": "What is the weather in Lisbon?"}]
while True:
    response = litellm.completion(
        MODEL, messages=messages, tools=TOOLS, reasoning={"max_tokens": 1024}, max_tokens=2000
    )
    message = response.choices[0].message
    # Without reasoning, LiteLLM's message lacks the field.
    if thought := getattr(message, "reasoning_content", None):
        print(f"thought: {thought}")
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
    # Unchanged: the object itself, its model_dump(), or that as JSON.
    messages.append(message)
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        result = get_weather(**json.loads(call.function.arguments))
        print(f"called: {call.function.name}({call.function.arguments})")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

print(f"answer: {message.content}")
