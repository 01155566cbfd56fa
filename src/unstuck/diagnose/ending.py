"""How a script ended, and how the process has to end for it to look the same from outside."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unstuck.diagnose.program import NotStartedError
from unstuck.diagnose.tracebacks import print_error
from unstuck.errors import UnstuckError

__all__ = ["INTERRUPTED", "Ending", "end_of", "leave", "message_of"]

INTERRUPTED = 130
"""What a shell makes of a process that died of SIGINT."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a script ended.

    Attributes:
        status: Its exit status.
        error: What ended it, where that was neither its last line nor ``sys.exit``; it has been printed.
        left: The exception that ``sys.exit`` raised, where it was called.
    """

    status: int
    error: BaseException | None = None
    left: SystemExit | None = None

    @property
    def message(self) -> object:
        """What ``sys.exit`` was given to print; None where that was nothing, or a status."""
        code = None if self.left is None else self.left.code
        return None if isinstance(code, int) else code

    @property
    def again(self) -> bool:
        """Whether a second interrupt came while the script was dealing with the first."""
        error = self.error
        earlier = error.__context__ if isinstance(error, KeyboardInterrupt) else None
        return isinstance(earlier, KeyboardInterrupt)


def end_of(start: Callable[[], object]) -> Ending:
    """Run to the end, whatever it is, and print errors as Python prints them.

    Raises:
        NotStartedError: There was nothing to run.

    Examples:
        >>> end_of(lambda: sys.exit(7)).status
        7
    """
    try:
        start()
    except SystemExit as error:
        return Ending(status=_status(error.code), left=error.with_traceback(None))
    except NotStartedError:
        raise
    except BaseException as error:
        caught = error
    else:
        return Ending(status=0)
    # Not above: to a hook of the script's own this error is no longer one that is being handled.
    left = print_error(caught)
    if left is not None:
        return Ending(status=_status(left.code), error=caught, left=left.with_traceback(None))
    return Ending(status=INTERRUPTED if isinstance(caught, KeyboardInterrupt) else 1, error=caught)


def leave(ending: Ending) -> BaseException:
    """What must be raised up to the interpreter, so that it ends the process as it would have ended the script's.

    It prints what ``sys.exit`` was given, waits for threads, runs exit handlers, flushes its streams, and after an
    interrupt dies of SIGINT. That it prints the interrupt once more is prevented.
    """
    if ending.left is not None:
        return ending.left
    if not isinstance(ending.error, KeyboardInterrupt):
        return SystemExit(ending.status)
    before = sys.excepthook

    def printed(*_: Any) -> None:
        sys.excepthook = before

    sys.excepthook = printed
    return ending.error


def message_of(error: BaseException) -> str:
    """An error in one line, whatever its ``__str__`` does.

    Examples:
        >>> message_of(ValueError("no such batch"))
        'ValueError: no such batch'
    """
    if isinstance(error, UnstuckError):
        return str(error)
    text = "its message cannot be shown"
    with contextlib.suppress(Exception):
        text = str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}".removesuffix(": ")


def _status(code: object) -> int:
    """The status that Python would exit with."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
