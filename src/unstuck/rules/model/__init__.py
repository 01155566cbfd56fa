"""Rules on the model: its activations, its capacity, the axes of its operations."""
