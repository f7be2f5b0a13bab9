"""The cost of a request before it is sent: its tokens, the providers' prices, the surcharges."""
