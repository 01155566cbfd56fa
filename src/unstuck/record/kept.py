"""What a snapshot of a run keeps of its streams together, so that thousands of them take one pass over the file."""

from __future__ import annotations

import sqlite3
from typing import cast

from unstuck.record.database import Database
from unstuck.record.facts import Fact, FactT
from unstuck.record.plain import MOST_TEXT, from_json
from unstuck.record.series import whole
from unstuck.record.signals import LOSS, Signal

__all__ = ["Kept", "has_samples", "stream_numbers"]

# What is huge is not even loaded: NULL stands for it.
ALL_FACTS = "SELECT id, stream, kind, CASE WHEN length(value) <= ? THEN value END FROM facts ORDER BY id"


class Kept:
    """What a snapshot keeps of the run as a whole: its facts take one pass over the file for all trainings together.

    Attributes:
        together: What was read of all trainings together, by a key.
    """

    def __init__(self, database: Database) -> None:
        self.together: dict[object, object] = {}
        self._connection = database.connection
        self._facts: dict[int, dict[str, list[object]]] | None = None
        self._built: dict[tuple[type[Fact], object], Fact] = {}
        self._numbers: tuple[int, ...] | None = None
        self._several: bool | None = None

    def facts(self) -> dict[int, dict[str, list[object]]]:
        """The facts as they stand in the file, by stream and kind."""
        if self._facts is None:
            found: dict[int, dict[str, list[object]]] = {}
            rows = self._connection.execute(ALL_FACTS, (MOST_TEXT,))
            for position, (number, stream, kind, text) in enumerate(rows, 1):
                if number != position:
                    raise ValueError("some are missing")
                found.setdefault(stream, {}).setdefault(kind, []).append(text)
            self._facts = found
        return self._facts

    def fact(self, kind: type[FactT], text: object) -> FactT:
        """The fact of a text; trainings alike state their model in the same words."""
        known = self._built.get((kind, text))
        if known is None:
            known = self._built[kind, text] = from_json(kind, text)
        return cast(FactT, known)

    def numbers(self) -> tuple[int, ...]:
        """The numbers of the trainings."""
        if self._numbers is None:
            self._numbers = stream_numbers(self._connection)
        return self._numbers

    def several(self) -> bool:
        """Whether more than one training has a loss."""
        if self._several is None:
            with_loss = (number for number in self.numbers() if has_samples(self._connection, number, LOSS))
            self._several = next(with_loss, None) is not None and next(with_loss, None) is not None
        return self._several


def stream_numbers(connection: sqlite3.Connection) -> tuple[int, ...]:
    """The streams of samples and facts; of the samples, which are many, one row of each is looked at."""
    rows = connection.execute("SELECT DISTINCT stream FROM facts").fetchall()
    numbers = [row[0] for row in rows]
    query = "SELECT stream FROM samples WHERE stream > ? ORDER BY stream LIMIT 1"
    row = connection.execute("SELECT stream FROM samples ORDER BY stream LIMIT 1").fetchone()
    while row is not None:
        numbers.append(row[0])
        row = connection.execute(query, row).fetchone()
    return tuple(sorted({whole(number) for number in numbers}))


def has_samples(connection: sqlite3.Connection, stream: int, signal: Signal) -> bool:
    """Whether a stream has at least one sample of a signal."""
    query = "SELECT 1 FROM samples WHERE stream = ? AND signal = ? LIMIT 1"
    return connection.execute(query, (stream, signal.key)).fetchone() is not None
