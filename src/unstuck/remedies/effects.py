"""Whether the changes that were made in this process have met what they change."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["begin", "changed", "happened"]

_awaited: set[str] = set()
_begun: set[str] = set()


def begin(remedies: Iterable[str]) -> None:
    """Await an effect of each of these remedies, and forget earlier ones."""
    _begun.clear()
    _begun.update(remedies)
    _awaited.clear()
    _awaited.update(_begun)


def happened(remedy: str) -> None:
    """A remedy has changed something: a rate, a call, a gradient."""
    _awaited.discard(remedy)


def changed() -> bool:
    """Whether each of the changes that were last applied in this process took effect.

    A trial in which one did not, such as a softmax to be bypassed that was never called, is a trial of something else.

    Examples:
        >>> begin(["weight-decay"])
        >>> changed()
        False
        >>> happened("weight-decay")
        >>> changed()
        True
    """
    return bool(_begun) and not _awaited
