"""A batch job in shards on a Ray cluster, and its total cost.

Run it with OPENROUTER_API_KEY set. It costs about USD 0.0001. It starts Ray on this machine, or
uses the cluster at RAY_ADDRESS; docs/scale.md describes many machines, and a budget.
"""

import json
from pathlib import Path

import ray

from openrouter_adapter import batch

COUNTRIES = ("France", "Italy", "Japan", "Kenya", "Peru", "Norway", "Canada", "Egypt")


def write_job(path: Path) -> None:
    """Write a request for each country."""
    with path.open("w", encoding="utf-8") as file:
        for country in COUNTRIES:
            body = {
                "model": "openai/gpt-4o-mini",
                "messages": [{"role": "user", "content": f"What is the capital of {country}?"}],
                "max_tokens": 20,
            }
            line = {"custom_id": country, "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps({"method": "POST", **line}) + "\n")


job, out = Path("countries.jsonl"), Path("capitals")
write_job(job)
ray.init(log_to_driver=False)
summary = batch.run_on_ray(job, out, shards=2)

for results in sorted(out.glob("shards/*/results.jsonl")):
    for line in results.read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        answer = result["response"]["body"]["choices"][0]["message"]["content"]
        print(f"{result['custom_id']}: {answer}")
print(f"{summary.done} of {summary.requests} answered")
print(f"cost: {summary.cost.normalize():f} USD")
ray.shutdown()
