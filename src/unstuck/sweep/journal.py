"""The default storage of a study: a file to which every operation is appended as a line.

Optuna's own file backend leaves a lock behind when its process is killed, which others wait half a minute for; goes on
after the file was removed, in a new file that lacks the study; and cannot read what follows a line that was cut off.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["Journal", "JournalGoneError"]

SYNC_SECONDS = 1.0
"""Time between two calls that wait for the disk. A killed process loses nothing; a loss of power may lose so much."""


class JournalGoneError(OSError):
    """The file was removed or replaced while it was in use."""


class Journal:
    """A journal for :class:`optuna.storages.JournalStorage`, safe among processes of one machine and over NFS 3.

    The lock is the system's: it ends with the process that holds it, however that ends.

    Args:
        file: The file; it is made where it is missing. A last line that was cut off is removed.

    Examples:
        >>> import tempfile
        >>> journal = Journal(Path(tempfile.mkdtemp()) / "study.journal")
        >>> journal.append_logs([{"op_code": 0}])
        >>> list(journal.read_logs(0))
        [{'op_code': 0}]
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as opened, _locked(opened):
            self._identity = _identity(os.fstat(opened.fileno()))
            _mend(opened)
        self._offsets = [0]
        self._synced = 0.0

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The operations from a number on, as far as they are written."""
        with self._open("rb") as opened:
            known = min(log_number_from, len(self._offsets) - 1)
            opened.seek(self._offsets[known])
            for number, line in enumerate(opened, start=known):
                if not line.endswith(b"\n"):
                    return  # somebody is writing it
                if number + 1 == len(self._offsets):
                    self._offsets.append(self._offsets[number] + len(line))
                if number >= log_number_from:
                    yield json.loads(line)

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        """Append operations, all or none of them."""
        content = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._open("ab+") as opened, _locked(opened):
            end = _mend(opened)
            try:
                opened.write(content)
                opened.flush()
                if time.monotonic() - self._synced > SYNC_SECONDS:
                    os.fsync(opened.fileno())
                    self._synced = time.monotonic()
            except OSError:
                opened.truncate(end)
                raise

    def _open(self, mode: str) -> IO[bytes]:
        if not self.file.exists():
            raise JournalGoneError(f"{self.file} was removed")
        opened = self.file.open(mode)
        if _identity(os.fstat(opened.fileno())) != self._identity:
            opened.close()
            raise JournalGoneError(f"{self.file} was replaced by another file")
        return opened


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _mend(opened: IO[bytes]) -> int:
    """Remove a last line that was cut off by a kill or a full disk; where the file ends then."""
    end = opened.seek(0, os.SEEK_END)
    if end:
        opened.seek(end - 1)
        if opened.read(1) != b"\n":
            opened.seek(0)
            end = opened.read().rfind(b"\n") + 1
            opened.truncate(end)
    opened.seek(0, os.SEEK_END)
    return end


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _locked(opened: IO[bytes]) -> Generator[None]:
        place = opened.tell()
        opened.seek(0)
        msvcrt.locking(opened.fileno(), msvcrt.LK_LOCK, 1)
        opened.seek(place)
        try:
            yield
        finally:
            opened.seek(0)
            msvcrt.locking(opened.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    @contextmanager
    def _locked(opened: IO[bytes]) -> Generator[None]:
        fcntl.flock(opened, fcntl.LOCK_EX)
        try:
            yield
        finally:
            opened.flush()
            fcntl.flock(opened, fcntl.LOCK_UN)
