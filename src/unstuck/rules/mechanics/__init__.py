"""Rules on the mechanics of the training loop: the order of its calls, and what its optimizer holds."""
