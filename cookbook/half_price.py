"""A job at half the price, in OpenRouter's Batch API.

Run it with OPENROUTER_API_KEY set. It costs at most 1 US cent, writes into `answers`, and may take
hours. You can end it at any time: the same call fetches the answers later.
"""

import json
from pathlib import Path

from openrouter_adapter import batch

lines = [
    {
        "custom_id": f"review-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "openai/gpt-5-nano",
            "messages": [
                {"role": "user", "content": f"Is this kind? It was good, {number} times."}
            ],
            "max_tokens": 20,
        },
    }
    for number in range(20)
]
Path("reviews.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

summary = batch.run("reviews.jsonl", "answers", budget="0.01", half_price=True)
print(f"{summary.done} answers in {len(summary.batches)} batch")
print(f"cost: {summary.cost:.12f} USD")
