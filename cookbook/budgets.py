"""A limit on what a program spends, and a ledger of what it spent.

Run it with OPENROUTER_API_KEY set. It costs less than a tenth of a US cent, and writes `spend.db`.
"""

import litellm

import openrouter_adapter
from openrouter_adapter import ledger

openrouter_adapter.register()

# Without a name the ledger is in the user's data folder, or at OPENROUTER_ADAPTER_LEDGER.
book = ledger.enable("spend.db")
ledger.budget("birds", "0.0005", tag="birds")

# Before a request is sent, the most that it could cost is reserved; so it needs max_tokens.
try:
    for number in range(1, 101):
        litellm.completion(
            "openrouter/openai/gpt-4o-mini",
            messages=[{"role": "user", "content": f"Name bird number {number}."}],
            max_tokens=200,
            metadata={"tags": ["birds"]},
        )
except litellm.BudgetExceededError as refusal:
    print(f"request {number} was not sent: {refusal}\n")

ledger.flush()
for row in ledger.spend(by="tag"):
    print(f"{row.name}: {row.requests} requests, {row.failures} of them not answered")
(state,) = book.budgets()
print(f"cost: {state.spent:.12f} USD")
