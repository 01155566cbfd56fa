"""Where a run goes that was given no folder, and where the newest one went."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from unstuck.errors import NotARunError, RunWriteError
from unstuck.record.database import last_written
from unstuck.record.schema import FILE_NAME

__all__ = ["RUNS", "new_folder", "newest_run"]

RUNS = Path("runs")
"""Where runs go, from the folder in which a training is started."""

DEPTH = 3
"""How deep runs lie at most: a comparison keeps those of its variants in folders of their own."""


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
        folder = RUNS / (stem if number == 1 else f"{stem}-{number}")
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


def newest_run(under: Path = RUNS) -> Path:
    """The folder of the run that was written last.

    Args:
        under: Where runs lie, each in a folder of its own, or in one within that.

    Raises:
        NotARunError: There is none.
    """
    folders = list(_folders(under, DEPTH))
    if not folders:
        where = "holds no run" if under.is_dir() else "is not here"
        raise NotARunError(
            f"{under}: this folder {where}; give the folder of a run, or go to where one was started: "
            "unstuck run train.py makes one"
        )
    return max(folders, key=lambda folder: (last_written(folder / FILE_NAME), folder))


def _folders(under: Path, depth: int) -> Iterator[Path]:
    try:
        entries = list(os.scandir(under))
    except OSError:  # none there, or not ours to look into
        return
    for entry in entries:
        if entry.name == FILE_NAME and entry.is_file():
            yield under
        elif depth and entry.is_dir(follow_symlinks=False):
            yield from _folders(Path(entry.path), depth - 1)
