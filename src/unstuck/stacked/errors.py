"""Why models are not trained as one."""

from __future__ import annotations

from unstuck.errors import ArgumentError

__all__ = ["CannotStackError"]


class CannotStackError(ArgumentError):
    """Members cannot be trained as one; the message says what stands in the way, and where.

    Nothing of the members has changed: they can still be trained one after another.
    """
