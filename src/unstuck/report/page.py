"""What every page of ours is: one file that needs nothing but a browser, and runs no scripts but those it names."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from unstuck.errors import ArgumentError, RunWriteError

__all__ = ["Script", "static", "write_bytes", "write_page"]


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script of the page, with the hash by which its policy admits it and no other."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Script:
        """A script with its hash."""
        return cls(text=text, digest=base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


@cache
def static(name: str, *, package: str = "unstuck.report") -> str:
    """The text of a file in the folder ``static`` of a package."""
    return (files(package) / "static" / name).read_text(encoding="utf-8")


def write_page(path: Path, text: str, *, what: str) -> Path:
    """Write a page or picture; it appears whole or not at all.

    Args:
        path: The file to write; missing folders are made, an earlier file is replaced.
        text: What it holds.
        what: What it is, for the message.

    Returns:
        The path of the file.

    Raises:
        ArgumentError: ``path`` is a folder.
        RunWriteError: The file may not be written, or the disk is full.
    """
    # A path name that is no UTF-8 comes with lone surrogates, which no encoding of the page can say.
    return write_bytes(path, text.encode("utf-8", "replace"), what=what)


def write_bytes(path: Path, content: bytes, *, what: str) -> Path:
    """Write a file as :func:`write_page` does, of any content.

    Raises:
        ArgumentError: ``path`` is a folder.
        RunWriteError: The file may not be written, or the disk is full.
    """
    if path.is_dir():
        raise ArgumentError(f"path={str(path)!r} is a folder; give the name of a file, such as {path / f'{what}.html'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise RunWriteError(
            f"path={str(path)!r}: the {what} cannot be written ({error.strerror or error}); "
            "give a path in a folder that you may write, or free space"
        ) from error
    return path


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole: beside its place first, then moved into it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
