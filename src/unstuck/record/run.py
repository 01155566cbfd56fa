"""The reading side of a run: used by rules, reports and live pages, on any machine, without torch."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError, RunError
from unstuck.record.facts import Fact, FactT
from unstuck.record.plain import from_plain
from unstuck.record.schema import check_schema, run_file
from unstuck.record.signals import Index, Signal
from unstuck.record.upgrade import stored_kinds

__all__ = ["Run", "Series", "Table"]

T = TypeVar("T")


@dataclass(frozen=True)
class Series:
    """One number over the steps.

    Attributes:
        steps: Training steps, ascending, shape (S,), int64.
        values: The numbers, shape (S,), float64; NaN where an entry was missing.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def finite(self) -> Series:
        """The samples that are finite."""
        keep = np.isfinite(self.values)
        return Series(self.steps[keep], self.values[keep])

    def between(self, first: int, last: int) -> Series:
        """The samples of the steps from ``first`` to ``last``, both included."""
        keep = (self.steps >= first) & (self.steps <= last)
        return Series(self.steps[keep], self.values[keep])


@dataclass(frozen=True)
class Table:
    """One number for each entry of an index, over the steps.

    Attributes:
        steps: Training steps, ascending, shape (S,), int64.
        names: Name of each entry, length C.
        values: The numbers, shape (S, C), or (S, C, bins) for a histogram, float64; NaN where missing.
    """

    steps: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def column(self, name: str) -> Series:
        """The samples of one entry.

        Raises:
            ArgumentError: There is no entry of that name.
        """
        if name not in self.names:
            raise ArgumentError(f"name={name!r}: this table has {', '.join(self.names) or 'no entries'}")
        return Series(self.steps, self.values[:, self.names.index(name)])

    def columns(self) -> Iterator[tuple[str, Series]]:
        """Each entry's name with its samples."""
        for position, name in enumerate(self.names):
            yield name, Series(self.steps, self.values[:, position])


class Run:
    """A recorded training, or one stream of it.

    Open one with :meth:`open`; a run may be read while it is being written, and shows what was flushed.
    Reads give the stream that the object stands for: 0, unless taken by :meth:`stream`.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, *, stream: int = 0) -> None:
        self._connection = connection
        self.path = path
        self.number = stream
        self._read: dict[str, Any] | None = None

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open a run for reading.

        Args:
            path: Its folder, or its database.

        Raises:
            NotARunError: There is no run.
            NewerSchemaError: A newer release wrote it.
        """
        file = run_file(Path(path))
        # Not mode=ro where it can be helped: a reader must recover the write-ahead log of a writer that was killed.
        mode = "rw" if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK) else "ro&immutable=1"
        address = f"{file.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None, timeout=30.0)
        try:
            check_schema(connection, file)
        except RunError:
            connection.close()
            raise
        return cls(connection, file.parent)

    def streams(self) -> tuple[Run, ...]:
        """The trainings of this run, each as a run of its own."""
        rows = self._connection.execute("SELECT stream FROM samples UNION SELECT stream FROM facts ORDER BY 1")
        return tuple(Run(self._connection, self.path, stream=int(row[0])) for row in rows.fetchall())

    def snapshot(self) -> Run:
        """This stream, of which everything is read once: for judges, who ask for the same again and again.

        What it has read does not change any more when the training goes on; take a new one to see the rest.
        """
        run = Run(self._connection, self.path, stream=self.number)
        run._read = {}
        return run

    def series(self, signal: Signal) -> Series:
        """The samples of a signal that has one number a step; empty where there are none."""
        if signal.index is not Index.RUN:
            raise ArgumentError(
                f"signal={signal.key!r} has one number for each {signal.index.value}; read it by table()"
            )
        return self._once(signal.key, lambda: self._series(signal))

    def table(self, signal: Signal) -> Table:
        """The samples of a signal with one number for each parameter, layer or group; empty where there are none."""
        if signal.index is Index.RUN:
            raise ArgumentError(f"signal={signal.key!r} has one number a step; read it by series()")
        return self._once(signal.key, lambda: self._table(signal))

    def _series(self, signal: Signal) -> Series:
        rows = self._samples(signal)
        return Series(
            np.array([step for step, _ in rows], dtype=np.int64),
            np.frombuffer(b"".join(data for _, data in rows), np.float64),
        )

    def _table(self, signal: Signal) -> Table:
        rows = self._samples(signal)
        names = self.names(signal.index)
        values = np.full((len(rows), len(names), signal.bins), np.nan)
        for row, (_, data) in enumerate(rows):
            sample = np.frombuffer(data, np.float32).reshape(-1, signal.bins)[: len(names)]
            values[row, : len(sample)] = sample
        steps = np.array([step for step, _ in rows], dtype=np.int64)
        return Table(steps, names, values if signal.bins > 1 else values[:, :, 0])

    def names(self, index: Index) -> tuple[str, ...]:
        """Names of the entries of an index."""
        query = "SELECT name FROM names WHERE stream = ? AND kind = ? ORDER BY position"
        return tuple(row[0] for row in self._connection.execute(query, (self.number, index.value)))

    def has(self, signal: Signal) -> bool:
        """Whether there is at least one sample of a signal."""
        query = "SELECT 1 FROM samples WHERE stream = ? AND signal = ? LIMIT 1"
        return self._connection.execute(query, (self.number, signal.key)).fetchone() is not None

    def facts(self, kind: type[FactT]) -> tuple[FactT, ...]:
        """All facts of a kind, in the order in which they were stated."""
        return self._once(f"fact {kind.kind}", lambda: self._facts(kind))

    def _facts(self, kind: type[FactT]) -> tuple[FactT, ...]:
        kinds = stored_kinds(kind.kind)
        query = f"SELECT value FROM facts WHERE stream = ? AND kind IN ({', '.join('?' * len(kinds))}) ORDER BY id"
        rows = self._connection.execute(query, (self.number, *kinds)).fetchall()
        return tuple(from_plain(kind, json.loads(row[0])) for row in rows)

    def fact(self, kind: type[FactT]) -> FactT | None:
        """The latest fact of a kind; None where none was stated."""
        known = self.facts(kind)
        return known[-1] if known else None

    def knows(self, kind: type[Fact]) -> bool:
        """Whether a fact of a kind was stated."""
        return bool(self.facts(kind))

    def arrays(self, name: str) -> tuple[tuple[int, NDArray[np.float32]], ...]:
        """The arrays of a name, each with its step."""
        query = "SELECT step, shape, data FROM arrays WHERE stream = ? AND name = ? ORDER BY step"
        rows = self._connection.execute(query, (self.number, name)).fetchall()
        return tuple((step, np.frombuffer(data, np.float32).reshape(json.loads(shape))) for step, shape, data in rows)

    def close(self) -> None:
        """Close the file; the streams of this run close with it."""
        self._connection.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _once(self, key: str, read: Callable[[], T]) -> T:
        if self._read is None:
            return read()
        if key not in self._read:
            self._read[key] = read()
        return self._read[key]

    def _samples(self, signal: Signal) -> list[tuple[int, bytes]]:
        query = "SELECT step, data FROM samples WHERE stream = ? AND signal = ? ORDER BY position"
        return self._connection.execute(query, (self.number, signal.key)).fetchall()
