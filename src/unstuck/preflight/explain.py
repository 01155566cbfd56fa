"""What a check before the first step looks at, from its docstring."""

from __future__ import annotations

import inspect

from unstuck.errors import ArgumentError
from unstuck.preflight.run import CHECKS

__all__ = ["explain"]


def explain(code: str) -> tuple[str, str]:
    """The code as it is written, and the documentation of its check.

    Raises:
        ArgumentError: No check has that code.

    Examples:
        >>> explain("p109")[0]
        'P109'
    """
    wanted = code.strip().upper()
    checks = {f"P1{number:02}": check for number, check in enumerate(CHECKS, start=1)}
    if wanted not in checks:
        raise ArgumentError(f"code={code!r}: no check has it; known are {', '.join(checks)}")
    return wanted, inspect.cleandoc(checks[wanted].__doc__ or "")
