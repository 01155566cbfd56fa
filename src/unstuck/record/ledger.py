"""The file of a run that is being written: touches no other file, waits for nobody, and is soon complete."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unstuck.errors import RunWriteError
from unstuck.record.schema import CREATE, FILE_NAME, SCHEMA

__all__ = ["Ledger"]

BUSY_SECONDS = 0.05
"""How long one attempt waits for another process that holds the file: a training waits as long."""

RETRY_SECONDS = 1.0
"""How long after that the next attempt is made; what is to be written waits in memory."""

LOCKED_SECONDS = 60.0
"""After how long writing is given up."""

WAITING_BYTES = 50_000_000
"""... or after how much has gathered."""

CHECKPOINT_SECONDS = 2.0
"""How much of the newest the main file may lack, once training goes on, on a disk that is not slow."""

FIRST_CHECKPOINT_SECONDS = 0.1
"""The same at the start; from there it doubles."""

CHECKPOINT_SHARE = 0.0025
"""Share of the time that checkpoints may take: a slow disk has fewer of them."""

MOST_PATH_BYTES = 500
"""SQLite takes paths of up to 512 bytes, with the endings that it appends."""

Statement = tuple[str, Sequence[tuple[Any, ...]]]


class Ledger:
    """Write statements to a run's file, each whole or not at all.

    SQLite appends to a write-ahead log beside the main file, which is what makes writing safe and cheap. From time to
    time the log is copied into the main file, so that this file alone is nearly complete at any time. It is done
    without waiting for readers, and no more often than its cost allows.

    Args:
        folder: The run's folder.

    Raises:
        RunWriteError: There is a run already, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: list[Statement] = []
        self._waiting_bytes = 0
        self._locked_since: float | None = None
        self._retry_at = 0.0
        self._interval = FIRST_CHECKPOINT_SECONDS
        self._connection = self._create()
        self._copy_at = time.monotonic() + self._interval

    def _create(self) -> sqlite3.Connection:
        file = self.folder / FILE_NAME
        path_bytes = len(os.fsencode(os.path.abspath(file)))
        if path_bytes > MOST_PATH_BYTES:
            raise RunWriteError(
                f"{self.folder}: the path of the run is {path_bytes} bytes long, and SQLite takes {MOST_PATH_BYTES} at "
                "most; choose a shorter one with --out"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _refuse_leftovers(file)
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        except FileExistsError as error:
            raise RunWriteError(_why_in_the_way(self.folder, file)) from error
        except (OSError, ValueError) as error:
            raise RunWriteError(_cannot(self.folder, error)) from error
        try:
            return _lay_out(file)
        except sqlite3.Error as error:
            for path in _family(file):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise RunWriteError(_cannot(self.folder, error)) from error

    def write(self, *statements: Statement) -> None:
        """Execute statements, each for its rows, all or none of them, after all that were written before.

        Where another process holds the file, it waits in memory for a later call.

        Raises:
            RunWriteError: The disk is full, the file is gone, or it has been held for too long.
        """
        if self._locked_since is not None:
            self._wait(statements)
            if time.monotonic() >= self._retry_at:
                self._catch_up()
            return
        try:
            self._execute(statements)
        except sqlite3.OperationalError as error:
            if not _is_locked(error):
                raise self._failed(error) from error
            self._locked_since = time.monotonic()
            self._retry_at = self._locked_since + RETRY_SECONDS
            self._wait(statements)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._copy_in_time()

    def close(self) -> None:
        """Write what waits, complete the main file and close; closing twice is allowed."""
        try:
            if self._waiting:
                self._connection.execute(f"PRAGMA busy_timeout = {int(2000 * RETRY_SECONDS)}")
                self._catch_up(last=True)
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._connection.close()

    def _execute(self, statements: Sequence[Statement]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except BaseException:  # an interrupt too must not leave a transaction open
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _wait(self, statements: Sequence[Statement]) -> None:
        self._waiting.extend(statements)
        values = (value for _, rows in statements for row in rows for value in row)
        self._waiting_bytes += sum(len(value) for value in values if isinstance(value, str | bytes))

    def _catch_up(self, *, last: bool = False) -> None:
        """Write what has waited; give up where it has waited for too long."""
        try:
            self._execute(self._waiting)
        except sqlite3.Error as error:
            now = time.monotonic()
            held = now - self._locked_since if self._locked_since is not None else 0.0
            if not _is_locked(error) or last or held > LOCKED_SECONDS or self._waiting_bytes > WAITING_BYTES:
                self._waiting.clear()
                raise self._failed(error) from error
            self._retry_at = now + RETRY_SECONDS
            return
        self._waiting.clear()
        self._waiting_bytes = 0
        self._locked_since = None

    def _copy_in_time(self) -> None:
        """Copy the log into the main file, if it is time."""
        start = time.monotonic()
        if start < self._copy_at:
            return
        with contextlib.suppress(sqlite3.Error):  # such as a full disk: the log still holds everything
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        end = time.monotonic()
        self._interval = min(2 * self._interval, CHECKPOINT_SECONDS)
        # At first the cost is paid, so that a run that is cut off early has something to tell.
        share = CHECKPOINT_SHARE if self._interval == CHECKPOINT_SECONDS else 1.0
        self._copy_at = end + max(self._interval, (end - start) / share)

    def _failed(self, error: sqlite3.Error) -> RunWriteError:
        held = "; another process holds the file" if _is_locked(error) else ""
        return RunWriteError(
            f"{self.folder}: the run could not be written any further ({error}{held}); what stands there is kept. "
            "Free space, or choose another folder with --out"
        )


def _lay_out(file: Path) -> sqlite3.Connection:
    # An absolute path, for what begins with "file:" or ":memory:" means something else to SQLite.
    connection = sqlite3.connect(
        os.path.abspath(file), check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(CREATE)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", [("schema", str(SCHEMA)), ("created", str(time.time()))]
        )
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _family(file: Path) -> tuple[Path, ...]:
    return (file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal")))


def _refuse_leftovers(file: Path) -> None:
    """Refuse a folder with the log of another run, which SQLite would take for that of ours."""
    for path in _family(file):
        if path.exists() or path.is_symlink():
            raise FileExistsError(path)


def _why_in_the_way(folder: Path, file: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: the run cannot be written, for this is a file; choose a folder with --out"
    there = next((path for path in _family(file) if path.exists() or path.is_symlink()), file)
    if there == file and not _is_run(file):
        return f"{there}: there is a file of this name, which is no run; choose another folder with --out"
    what = "a run" if there == file else "a rest of a run"
    return f"{there}: there is {what} already; choose another folder with --out, or remove that one"


def _is_run(file: Path) -> bool:
    """Whether a file is a run, which its owner may be told to remove."""
    try:
        with sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True) as connection:
            return bool(connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone())
    except sqlite3.Error:
        return False


def _cannot(folder: Path, error: Exception) -> str:
    return f"{folder}: the run cannot be written ({error}); choose another folder with --out, or free space"


def _is_locked(error: sqlite3.Error) -> bool:
    return "locked" in str(error) or "busy" in str(error)
