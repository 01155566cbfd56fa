"""Rules on the flow and the truth of gradients."""
