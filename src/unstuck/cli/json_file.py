"""The file of ``--json``."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unstuck.errors import RunWriteError

__all__ = ["check_json", "write_json"]


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write plain data as JSON.

    Raises:
        RunWriteError: The file cannot be written.
    """
    with _writing(file):
        file.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def check_json(file: Path | None, *, made: Path | None = None) -> None:
    """Find out, before hours are spent, whether :func:`write_json` will be able to write a file.

    Args:
        file: The file.
        made: A folder that will have been made by then.

    Raises:
        RunWriteError: The file cannot be written.
    """
    if file is not None and not (made is not None and not made.exists() and file.absolute().parent == made.absolute()):
        with _writing(file):
            there = file.exists()
            file.open("a", encoding="utf-8").close()
            if not there:
                file.unlink()


@contextmanager
def _writing(file: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise RunWriteError(f"--json {file}: cannot be written ({error.strerror}); choose another file") from error
