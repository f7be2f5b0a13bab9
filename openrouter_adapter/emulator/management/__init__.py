"""The account side of OpenRouter: what keys, guardrails, presets and the rest answer."""
