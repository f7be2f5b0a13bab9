"""A description in plain words becomes requests to several models, and a batch job.

Run it with OPENROUTER_API_KEY set. It costs at most 5 US cents, and writes into `answers`.
"""

import json
from pathlib import Path

import litellm

import openrouter_adapter
from openrouter_adapter import batch

openrouter_adapter.register()

# OpenRouter's body builder writes the requests. It is free.
response = litellm.completion(
    "openrouter/openrouter/bodybuilder",
    messages=[
        {"role": "user", "content": "Write a haiku about rain using Claude Haiku and GPT-5 mini"}
    ],
)
requests = json.loads(response.choices[0].message.content)["requests"]
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")

# A budget needs an upper bound of each cost: limit the length, with enough tokens for reasoning.
for request in requests:
    request["max_tokens"] = 1000
Path("requests.json").write_text(json.dumps({"requests": requests}), encoding="utf-8")

# If a job was stopped, the same command continues it, and sends nothing twice.
summary = batch.run("requests.json", "answers", budget="0.05")
for line in Path("answers/results.jsonl").read_text(encoding="utf-8").splitlines():
    body = json.loads(line)["response"]["body"]
    print(f"{body['model']}: {body['choices'][0]['message']['content']}")
print(f"\n{summary.done} of {len(requests)} answered")
print(f"cost: {summary.cost:.12f} USD")
