"""What a request will cost before it is sent: its tokens, its providers' prices, what is added."""
