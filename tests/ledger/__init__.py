"""The ledger and its budgets."""
