"""The account side of OpenRouter: the endpoints for keys, guardrails, presets and the rest."""
