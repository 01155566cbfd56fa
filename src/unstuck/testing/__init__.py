"""Contract suites that others can hold their own parts against: they need pytest, and nothing else of ours does."""
