"""Where PyTorch is held on to: what is patched and hooked, and the events that come of it."""
