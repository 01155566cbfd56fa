"""Unknown names: one message for all of them, with the nearest spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["unknown"]


def unknown(argument: str, value: object, accepted: Iterable[str]) -> str:
    """Say that a name is not known, which one was perhaps meant, and what is accepted.

    Args:
        argument: The argument or key as the user typed it.
        value: What it was given.
        accepted: The names that it takes.

    Returns:
        The message, for the caller to raise as its own kind of error.

    Examples:
        >>> unknown("model.name", "mpl", ["linear", "mlp", "cnn"])
        "model.name='mpl' is not known; did you mean 'mlp'? Accepted: linear, mlp, cnn"
    """
    names = list(accepted)
    close = difflib.get_close_matches(str(value).lower(), names, n=1, cutoff=0.5)
    guess = f"; did you mean {close[0]!r}?" if close else "."
    listed = f"Accepted: {', '.join(names)}" if names else "Nothing is accepted here"
    return f"{argument}={value!r} is not known{guess} {listed}"
