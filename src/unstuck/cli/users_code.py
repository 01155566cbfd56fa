"""Errors of a user's code that we call: one message with the place, and not our traceback."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["users_code"]

PACKAGE = Path(__file__).parents[1]
INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


@contextmanager
def users_code(target: str) -> Generator[None]:
    """Refuse what the user's own model or loss raises, wherever it does; what is ours stays what it is.

    Args:
        target: What he has given.

    Raises:
        ArgumentError: A line of his is among those that were running.
    """
    from unstuck.errors import ArgumentError, UnstuckError

    try:
        yield
    except UnstuckError:
        raise
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(Path(frame.filename))]
        if not own:
            raise
        place = f"{own[-1].filename}:{own[-1].lineno}"
        raise ArgumentError(
            f"{target}: {place} raised {type(error).__name__}: {error}; it has to work for every weights and batch"
        ) from error


def _is_users(path: Path) -> bool:
    return path.is_absolute() and not any(home in path.parents for home in (PACKAGE, *INSTALLED))
