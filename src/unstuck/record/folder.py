"""Where a run goes that was given no folder."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

from unstuck.errors import RunWriteError

__all__ = ["new_folder"]


def new_folder(name: str) -> Path:
    """Make a folder for a run of this moment, ``runs/<date>-<time>-<name>``.

    It is made at once, so that of two runs that begin in the same second each gets its own.

    Args:
        name: What the run is of.

    Raises:
        RunWriteError: The folder may not be made.
    """
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    for number in count(1):
        folder = Path("runs", stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RunWriteError(
                f"{folder}: the run cannot be written ({error}); choose another folder with --out, or free space"
            ) from error
        return folder
    raise AssertionError("count() never ends")
