"""Policies, and values that bootstrap: L4 of the table."""
