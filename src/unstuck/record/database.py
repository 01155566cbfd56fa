"""The file of a run that is being read: found, opened without changing it, and looked over for damage."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from unstuck.errors import DamagedRunError, NewerSchemaError, NotARunError, RunError
from unstuck.record.schema import FILE_NAME, SCHEMA, TABLES

__all__ = ["Database", "damaged", "fenced", "open_database", "run_file"]

BUSY_SECONDS = 2.0
"""How long a reader waits for a process that holds the whole file, which no writer of ours does."""


@dataclass(frozen=True)
class Database:
    """A run's file, open for reading.

    Attributes:
        connection: The connection; it writes nothing into the run.
        file: The file.
        unread: Size of the write-ahead log beside it that could not be read, since its folder is read-only; 0 where
            nothing was left out.
        written: When the run was last written, in nanoseconds since 1970.
    """

    connection: sqlite3.Connection
    file: Path
    unread: int
    written: int

    @property
    def closed(self) -> bool:
        """Whether its writer has closed it: nothing is missing then."""
        try:
            return self.connection.execute("SELECT 1 FROM meta WHERE key = 'closed'").fetchone() is not None
        except sqlite3.Error:
            return False

    def close(self) -> None:
        """Close the file, and leave it the time at which it was last written.

        Where its writer was killed, SQLite now completes the main file from the log and removes the log.
        """
        self.connection.close()
        with contextlib.suppress(OSError):
            if not _log(self.file).exists() and self.file.stat().st_mtime_ns > self.written:
                os.utime(self.file, ns=(self.written, self.written))


def run_file(path: Path) -> Path:
    """The database of a run given as its folder or as the file itself.

    Raises:
        NotARunError: There is no such file.
    """
    try:
        file = path / FILE_NAME if path.is_dir() else path
        there = file.is_file()
    except (OSError, ValueError) as error:  # a folder that may not be entered, a name that no file can have
        raise NotARunError(f"{path}: cannot be looked at ({error})") from error
    if not there:
        raise NotARunError(f"{path}: no run here; give a folder that holds {FILE_NAME}, such as runs/<date>-<name>")
    return file


def open_database(file: Path) -> Database:
    """Open a run's file, and refuse one that is damaged or no run.

    Raises:
        NotARunError: The file is no SQLite database, or holds no run.
        NewerSchemaError: A newer release wrote it.
        DamagedRunError: It is damaged.
        RunError: It cannot be read, or another program holds it.
    """
    written = last_written(file)
    try:
        connection, log_read = _connect(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise _unreadable(file, error) from error
        if "malformed" in str(error):
            raise damaged(file, str(error)) from error
        raise NotARunError(f"{file}: not a run of unstuck ({error})") from error
    try:
        _check_schema(connection, file)
        with fenced(file):
            _check_pages(connection, file)
    except RunError:
        connection.close()
        raise
    log = _log(file)
    unread = log.stat().st_size if not log_read and log.exists() else 0
    return Database(connection, file, unread, written)


def last_written(file: Path) -> int:
    """When a run was last written, in nanoseconds since 1970: what is newest may still be in the log."""
    times = [0]
    for path in (file, _log(file)):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime_ns)
    return max(times)


def damaged(file: Path, what: str) -> DamagedRunError:
    """The error that says what is damaged, and what to do."""
    return DamagedRunError(
        f"{file}: the run is damaged ({what}), so that no verdict on it could be relied on; if this is a copy, copy it "
        "again, best once the training has ended; otherwise train again"
    )


@contextlib.contextmanager
def fenced(file: Path, what: str = "") -> Generator[None]:
    """Turn whatever reading damaged data raises into one error.

    Args:
        file: The run's file.
        what: What is being read, in words.

    Raises:
        DamagedRunError: What was read is damaged.
        RunError: Another program holds the file.
    """
    try:
        yield
    except RunError:
        raise
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise _unreadable(file, error) from error
        raise damaged(file, f"{what}: {error}" if what else str(error)) from error
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise damaged(file, f"{what}: {reason}" if what else reason) from error


def _connect(file: Path) -> tuple[sqlite3.Connection, bool]:
    """A connection, and whether it reads the write-ahead log too.

    In a folder that may not be written SQLite can read a log only where its index lies beside it. Otherwise the main
    file is read as it stands, which is safe there: whoever writes it does so through another folder, if at all.
    """
    address = file.resolve().as_uri()
    failure: sqlite3.OperationalError | None = None
    for mode in ("mode=rw", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"{address}?{mode}", uri=True, check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone()
            return connection, mode == "mode=rw"
        except sqlite3.OperationalError as error:
            connection.close()
            failure = failure or error
            if "locked" in str(error):
                break
        except sqlite3.Error:
            connection.close()
            raise
    assert failure is not None
    raise failure


def _check_schema(connection: sqlite3.Connection, file: Path) -> None:
    with fenced(file):
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_master").fetchall())
    if "meta" not in kinds:
        raise NotARunError(f"{file}: not a run of unstuck (no such table: meta)")
    with fenced(file, "its table meta"):
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        if row is None:
            raise NotARunError(f"{file}: not a run of unstuck (it names no schema)")
        schema = int(row[0])
        if schema < 1:
            raise ValueError(f"schema {schema}")
    if schema > SCHEMA:
        raise NewerSchemaError(
            f"{file}: written with schema {schema}, this release reads up to {SCHEMA}; upgrade: pip install -U unstuck"
        )
    for table in TABLES:
        if kinds.get(table) != "table":
            raise damaged(file, f"its table {table} is missing")


def _check_pages(connection: sqlite3.Connection, file: Path) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise damaged(file, " ".join(str(problem).split()))


def _unreadable(file: Path, error: Exception) -> RunError:
    if "locked" in str(error):
        return RunError(f"{file}: another program holds the file ({error}); close it, or wait until it is done")
    return RunError(f"{file}: cannot be read ({error}); check that you may read it, or copy it elsewhere")


def _log(file: Path) -> Path:
    return file.with_name(file.name + "-wal")
