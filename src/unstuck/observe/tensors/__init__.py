"""What the values of one tensor tell."""
