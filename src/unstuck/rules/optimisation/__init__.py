"""Rules on the method, its rate and its length."""
