"""OpenRouter over HTTP: addresses and headers, answers, streams of events, errors and usage."""
