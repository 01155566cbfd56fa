"""Rules on what training leaves for unseen data."""
