"""A folder that may be read and not written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def read_only() -> Iterator[tuple[Path, Callable[[], None]]]:
    """An empty folder, and what makes it read-only; for root too, who may otherwise write everywhere."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)

    def lock() -> None:
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        if os.getuid() == 0:
            os.seteuid(NOBODY)

    yield folder, lock
    if os.getuid() == 0:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)
