"""An answer from the web, with its sources, and the cost of the search.

Run it with OPENROUTER_API_KEY set. It costs about 1 US cent: 4 USD for 1,000 results.
"""

import litellm

import openrouter_adapter

openrouter_adapter.register()

response = litellm.completion(
    "openrouter/openai/gpt-4o-mini",
    messages=[{"role": "user", "content": "What is CERN working on?"}],
    # The model decides when to search; the tool choice forces it.
    tools=[{"type": "openrouter:web_search", "parameters": {"max_results": 2}}],
    openrouter_tool_choice={"type": "openrouter:web_search"},
    max_tokens=300,
)
message = response.choices[0].message
print(message.content, "\n")

# Without citations, LiteLLM's message lacks the field.
for annotation in getattr(message, "annotations", None) or ():
    source = annotation["url_citation"]
    print(f"- {source['title']}: {source['url']}")

facts = response._hidden_params["openrouter"]
inference = facts["cost_details"]["upstream_inference_cost"]
print(f"\nof the cost, {inference:.12f} is the model's, the rest the search's")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
