"""Rules on what arithmetic does to training."""
