"""Rules on how training starts."""
