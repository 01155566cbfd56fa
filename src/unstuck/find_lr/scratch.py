"""A copy of the working directory, for a script to run in that must not overwrite anything."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from unstuck.errors import ArgumentError

__all__ = ["LARGE", "large_files", "scratch"]

LARGE = 64 * 2**20
"""Bytes from which on a file is linked and not copied: data, mostly."""
AT_MOST = 2 * 2**30
"""Bytes that are copied."""
LEFT_OUT = frozenset({".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "node_modules"})


@contextmanager
def scratch(folder: Path) -> Generator[Path]:
    """A copy of a folder, gone on leaving.

    Files of 64 MiB and more are linked, and so are virtual environments; what stands beside the folder is linked too,
    so that ``../data`` is found. A script that writes to these, or by an absolute path, writes to the originals.

    Args:
        folder: The folder.

    Raises:
        ArgumentError: There is more than 2 GiB to copy, or something cannot be read.

    Examples:
        >>> here = Path(tempfile.mkdtemp())
        >>> _ = (here / "best.pt").write_text("good")
        >>> with scratch(here) as copy:
        ...     _ = (copy / "best.pt").write_text("overwritten")
        >>> (here / "best.pt").read_text(), copy.exists()
        ('good', False)
    """
    with tempfile.TemporaryDirectory(prefix="unstuck-find-lr-", ignore_cleanup_errors=True) as made:
        inside = Path(made) / (folder.name or "root")
        try:
            for beside in folder.parent.iterdir() if folder.name else ():
                if beside.name != folder.name:
                    (Path(made) / beside.name).symlink_to(beside)
            _copy(folder, inside)
        except OSError as error:
            raise ArgumentError(
                f"the working directory cannot be copied ({error}); start from the script's own folder, or give "
                "--in-place to run it where it is"
            ) from error
        yield inside


def large_files(folder: Path) -> list[Path]:
    """The files that would be linked, in order."""
    return sorted(path for path in _files(folder) if path.stat().st_size >= LARGE)


def _files(folder: Path) -> Generator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _kept_out(Path(where) / name)]
        yield from (path for name in names if (path := Path(where) / name).is_file() and not path.is_symlink())


def _kept_out(folder: Path) -> bool:
    return folder.name in LEFT_OUT or folder.is_symlink() or (folder / "pyvenv.cfg").exists()


def _copy(folder: Path, target: Path) -> None:
    copied = 0
    for where, folders, names in os.walk(folder):
        here = target / os.path.relpath(where, folder)
        here.mkdir(exist_ok=True)
        for name in tuple(folders):
            if _kept_out(Path(where) / name):
                folders.remove(name)
                if name not in LEFT_OUT:
                    (here / name).symlink_to((Path(where) / name).resolve())
        for name in names:
            path = Path(where) / name
            if path.is_symlink() or (path.is_file() and path.stat().st_size >= LARGE):
                (here / name).symlink_to(path.resolve())
            elif path.is_file():
                copied += path.stat().st_size
                if copied > AT_MOST:
                    raise OSError("more than 2 GiB of files below 64 MiB")
                shutil.copy2(path, here / name)
