"""Rules on the loss: its choice, its reduction, the shapes that it is given."""
