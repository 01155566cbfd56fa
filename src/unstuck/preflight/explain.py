"""What a check before the first step looks at, from its docstring."""

from __future__ import annotations

import inspect

from unstuck.errors import ArgumentError
from unstuck.preflight.run import CHECKS

__all__ = ["explain", "headlines"]


def explain(code: str) -> tuple[str, str]:
    """The code as it is written, and the documentation of its check.

    Raises:
        ArgumentError: No check has that code.

    Examples:
        >>> explain("p109")[0]
        'P109'
    """
    wanted = code.strip().upper()
    documents = _documents()
    if wanted not in documents:
        raise ArgumentError(f"code={code!r}: no check has it; known are {', '.join(documents)}")
    return wanted, documents[wanted]


def headlines() -> dict[str, str]:
    """What each check looks at, in a sentence, by its code.

    Examples:
        >>> next(iter(headlines()))
        'P101'
    """
    return {code: " ".join(document.split("\n\n")[0].split()) for code, document in _documents().items()}


def _documents() -> dict[str, str]:
    return {f"P1{number:02}": inspect.cleandoc(check.__doc__ or "") for number, check in enumerate(CHECKS, start=1)}
