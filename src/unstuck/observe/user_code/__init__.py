"""What the user's own code tells: places, names, modules."""
