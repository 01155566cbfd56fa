"""The folder of a run: made before the script starts, and gone again where it does not start."""

from __future__ import annotations

import contextlib
from pathlib import Path

from unstuck.errors import RunWriteError
from unstuck.record import RunWriter
from unstuck.record.folder import new_folder
from unstuck.record.schema import FILE_NAME

__all__ = ["begin_run", "discard_run"]


def begin_run(out: Path | None, name: str) -> tuple[RunWriter, tuple[Path, ...]]:
    """Begin to write a run.

    Args:
        out: Its folder; ``runs/<date>-<name>`` by default.
        name: What it is of.

    Returns:
        What writes it, and the folders that were made for it, the innermost first.

    Raises:
        RunWriteError: It cannot be written there, or there is one already; nothing is left behind.
    """
    folder = (out or new_folder(name)).absolute()
    made = tuple(path for path in (folder, *folder.parents) if not path.exists()) if out else (folder,)
    before = (folder / FILE_NAME).exists()
    try:
        return RunWriter(folder), made
    except RunWriteError:
        if not before:
            discard_run(folder, made)
        raise


def discard_run(folder: Path, made: tuple[Path, ...]) -> None:
    """Remove a run that has not begun, and the folders that were made for it; what else is there stays."""
    for ending in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            (folder / (FILE_NAME + ending)).unlink()
    for path in made:
        with contextlib.suppress(OSError):
            path.rmdir()
