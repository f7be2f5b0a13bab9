"""Two questions about one PDF, which is parsed and paid for only once.

Run it with OPENROUTER_API_KEY set. It costs about 2 US cents, most of it for parsing the pages.
"""

from typing import Any

import litellm

import openrouter_adapter

openrouter_adapter.register()

# A link, or a data URL of your own file: data:application/pdf;base64,…
PAPER = {"filename": "bitcoin.pdf", "file_data": "https://bitcoin.org/bitcoin.pdf"}

# mistral-ocr reads scans and costs by the page; pdf-text is free; native leaves it to the model.
plugins = [{"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}]


def ask(messages: list[dict[str, Any]]) -> Any:
    """Ask, print the answer and its cost, and return the message."""
    response = litellm.completion(
        "openrouter/openai/gpt-4o-mini", messages=messages, plugins=plugins, max_tokens=100
    )
    message = response.choices[0].message
    print(message.content)
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")
    return message


question = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this paper about? One sentence."},
        {"type": "file", "file": PAPER},
    ],
}
answer = ask([question])

# The message contains the parsed text. If it is sent back unchanged, the file isn't parsed again.
for annotation in answer.annotations:
    print(f"annotation: {annotation['type']}, {annotation['file']['name']}\n")
ask([question, answer, {"role": "user", "content": "And who wrote it?"}])
