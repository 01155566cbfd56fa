"""One file a question that is asked of a training while it runs."""
