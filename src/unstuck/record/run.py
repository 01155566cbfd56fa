"""The reading side of a run: used by rules, reports and live pages, on any machine, without torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.record.database import Database, fenced, open_database, run_file
from unstuck.record.facts import End, Event, Fact, FactT
from unstuck.record.kept import Kept, has_samples, stream_numbers
from unstuck.record.plain import MOST_TEXT, from_json
from unstuck.record.series import MOST_BYTES, Row, Series, Table, array_of, series_of, table_of, whole
from unstuck.record.signals import Index, Signal
from unstuck.record.upgrade import stored_kinds

__all__ = ["Run", "Series", "Table"]

T = TypeVar("T")

# What is huge is not even loaded: NULL stands for it.
SAMPLES = (
    "SELECT position, step, CASE WHEN length(data) <= ? THEN data END FROM samples "
    "WHERE stream = ? AND signal = ? ORDER BY position"
)
FACTS = """SELECT CASE WHEN length(value) <= ? THEN value END FROM facts
           WHERE stream = ? AND kind IN (?, ?) ORDER BY id"""
ARRAYS = (
    "SELECT step, shape, CASE WHEN length(data) <= ? THEN data END FROM arrays "
    "WHERE stream = ? AND name = ? ORDER BY step"
)


class Run:
    """A recorded training, or one stream of it.

    Open one with :meth:`open`; a run may be read while it is being written, and shows what was flushed.
    Reads give the stream that the object stands for: 0, unless taken by :meth:`streams`.

    Every read may raise :class:`~unstuck.errors.DamagedRunError`.

    Attributes:
        path: The run's folder.
        name: The name of that folder.
        number: The stream.
    """

    def __init__(self, database: Database, *, stream: int = 0, kept: Kept | None = None) -> None:
        self._database = database
        self._connection = database.connection
        self._kept = kept
        self._read: dict[object, tuple[Any, frozenset[object]]] = {}
        self._touched: set[object] = set()
        self.path = database.file.parent
        self.name = database.file.absolute().parent.name
        self.number = stream

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open a run for reading.

        Args:
            path: Its folder, or its database.

        Raises:
            NotARunError: There is no run.
            NewerSchemaError: A newer release wrote it.
            DamagedRunError: Its file is damaged.
            RunError: Its file cannot be read, or another program holds it.
        """
        return cls(open_database(run_file(Path(path))))

    def streams(self) -> tuple[Run, ...]:
        """The trainings of this run, each as a run of its own; of a snapshot, each as a snapshot."""
        with self._fenced("its trainings"):
            numbers = self._kept.numbers() if self._kept else stream_numbers(self._connection)
        return tuple(Run(self._database, stream=number, kept=self._kept) for number in numbers)

    def snapshot(self) -> Run:
        """This run as it stands now, of which everything is read once: for judges, who ask for the same repeatedly.

        What it has read does not change any more when the training goes on; take a new one to see the rest.
        """
        return Run(self._database, stream=self.number, kept=self._kept or Kept(self._database))

    @property
    def several(self) -> bool:
        """Whether more than one training of this run has a loss."""
        if self._kept is None:
            return self.snapshot().several
        with self._fenced("its trainings"):
            return self._kept.several()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What may be missing from what was recorded, in sentences; empty where nothing is."""
        sentences: list[str] = []
        if self._database.unread:
            sentences.append(
                f"{self._database.file.name}-wal holds the newest steps, and cannot be read in a read-only folder: "
                "copy both files elsewhere, and judge them there."
            )
        trainings = self.snapshot().streams()
        open_ended = sum(End.kind not in training.kinds() for training in trainings)
        if not trainings and not self._database.closed:
            sentences.append("No training stands in it: none was seen, or it was cut off before the first was written.")
        if open_ended:
            failed = any(event.ends_watching for training in trainings for event in training.facts(Event))
            why = "watching ended before" if failed else "still running, or cut off"
            whose = f" of {open_ended:,} of {len(trainings):,} trainings" if len(trainings) > 1 else ""
            sentences.append(f"No end{whose} was recorded: {why}; the newest steps may be missing.")
        return tuple(sentences)

    def once(self, key: object, read: Callable[[], T]) -> T:
        """What a function reads of this stream; of a snapshot it is called once for each key."""
        self._touched.add(key)
        if self._kept is None:
            return read()
        if key not in self._read:
            self._read[key] = self.trace(read)
        value, touched = self._read[key]
        self._touched |= touched
        return cast(T, value)

    def together(self, key: object, read: Callable[[tuple[Run, ...]], T]) -> T:
        """What a function reads of all trainings of the run together; of a snapshot it is called once for each key."""
        known = {} if self._kept is None else self._kept.together
        if key not in known:
            known[key] = read(self.streams())
        return cast(T, known[key])

    def trace(self, read: Callable[[], T]) -> tuple[T, frozenset[object]]:
        """What a function returns, and what of this stream that rests on: keys of signals, classes of facts.

        Examples:
            >>> import tempfile
            >>> from unstuck.record import RunWriter, signals
            >>> folder = Path(tempfile.mkdtemp())
            >>> RunWriter(folder).close()
            >>> with Run.open(folder) as run:
            ...     run.trace(lambda: run.has(signals.ACCURACY))
            (False, frozenset({'accuracy'}))
        """
        outer, self._touched = self._touched, set()
        try:
            value = read()
            return value, frozenset(self._touched)
        finally:
            self._touched |= outer

    def series(self, signal: Signal) -> Series:
        """The samples of a signal that has one number a step; empty where there are none."""
        if signal.index is not Index.RUN:
            raise ArgumentError(
                f"signal={signal.key!r} has one number for each {signal.index.value}; read it by table()"
            )
        return self.once(signal.key, lambda: self._series(signal))

    def table(self, signal: Signal) -> Table:
        """The samples of a signal with one number for each parameter, layer or group; empty where there are none."""
        if signal.index is Index.RUN:
            raise ArgumentError(f"signal={signal.key!r} has one number a step; read it by series()")
        return self.once(signal.key, lambda: self._table(signal))

    def names(self, index: Index) -> tuple[str, ...]:
        """Names of the entries of an index."""
        query = "SELECT position, name FROM names WHERE stream = ? AND kind = ? ORDER BY position"
        with self._fenced(f"the names of each {index.value}"):
            rows = self._connection.execute(query, (self.number, index.value)).fetchall()
            if [row[0] for row in rows] != list(range(len(rows))):
                raise ValueError("some are missing")
            names = tuple(row[1] for row in rows)
            if not all(isinstance(name, str) for name in names):
                raise ValueError("one is no text")
        return names

    def has(self, signal: Signal) -> bool:
        """Whether there is at least one sample of a signal."""
        self._touched.add(signal.key)
        with self._fenced(f"the signal {signal.key!r}"):
            return has_samples(self._connection, self.number, signal)

    def last_step(self, signal: Signal) -> int | None:
        """The step of the latest sample of a signal; None where there is none."""
        self._touched.add(signal.key)
        query = "SELECT step FROM samples WHERE stream = ? AND signal = ? ORDER BY position DESC LIMIT 1"
        with self._fenced(f"the signal {signal.key!r}"):
            row = self._connection.execute(query, (self.number, signal.key)).fetchone()
            if row is not None and type(row[0]) is not int:
                raise ValueError("a step is no whole number")
        return row and row[0]

    def facts(self, kind: type[FactT]) -> tuple[FactT, ...]:
        """All facts of a kind, in the order in which they were stated."""
        return self.once(kind, lambda: self._facts(kind))

    def fact(self, kind: type[FactT]) -> FactT | None:
        """The latest fact of a kind; None where none was stated."""
        known = self.facts(kind)
        return known[-1] if known else None

    def program(self, kind: type[FactT]) -> FactT | None:
        """What is known of the whole program, such as how it was started; None where that was not recorded.

        Examples:
            >>> import tempfile
            >>> from unstuck.record import RunWriter, facts
            >>> folder = Path(tempfile.mkdtemp())
            >>> with RunWriter(folder) as writer:
            ...     writer.describe(facts.Invocation(target="train.py", args=("--fast",)))
            >>> with Run.open(folder) as run:
            ...     run.program(facts.Invocation).args
            ('--fast',)
        """
        query = "SELECT CASE WHEN length(value) <= ? THEN value END FROM meta WHERE key = ?"
        with self._fenced(f"the fact {kind.kind!r}"):
            row = self._connection.execute(query, (MOST_TEXT, kind.kind)).fetchone()
            return None if row is None else from_json(kind, row[0])

    def knows(self, kind: type[Fact]) -> bool:
        """Whether a fact of a kind was stated."""
        return bool(self.facts(kind))

    def kinds(self) -> frozenset[str]:
        """The kinds of facts that were stated, known to this release or not."""
        with self._fenced("its facts"):
            return frozenset((self._kept or Kept(self._database)).facts().get(self.number, {}))

    def arrays(self, name: str) -> tuple[tuple[int, NDArray[np.float32]], ...]:
        """The arrays of a name, each with its step."""
        return self.once(("array", name), lambda: self._arrays(name))

    def close(self) -> None:
        """Close the file; the streams of this run close with it."""
        self._database.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _series(self, signal: Signal) -> Series:
        with self._fenced(f"the signal {signal.key!r}"):
            return series_of(self._samples(signal))

    def _table(self, signal: Signal) -> Table:
        with self._fenced(f"the signal {signal.key!r}"):
            samples = self._samples(signal)
            return table_of(samples, signal, self.names(signal.index))  # last, for a live run goes on naming

    def _samples(self, signal: Signal) -> list[Row]:
        return self._connection.execute(SAMPLES, (MOST_BYTES, self.number, signal.key)).fetchall()

    def _facts(self, kind: type[FactT]) -> tuple[FactT, ...]:
        with self._fenced("its facts"):
            if self._kept is None:
                rows = self._connection.execute(FACTS, (MOST_TEXT, self.number, *stored_kinds(kind.kind))).fetchall()
                return tuple(from_json(kind, row[0]) for row in rows)
            known = self._kept.facts().get(self.number, {})
            texts = [text for name in dict.fromkeys(stored_kinds(kind.kind)) for text in known.get(name, [])]
            return tuple(self._kept.fact(kind, text) for text in texts)

    def _arrays(self, name: str) -> tuple[tuple[int, NDArray[np.float32]], ...]:
        with self._fenced(f"the arrays {name!r}"):
            rows = self._connection.execute(ARRAYS, (MOST_BYTES, self.number, name)).fetchall()
            return tuple((whole(step), array_of(shape, data)) for step, shape, data in rows)

    def _fenced(self, what: str) -> AbstractContextManager[None]:
        return fenced(self._database.file, what)
