"""The writing side of a run: used by the process that trains."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unstuck.record.facts import Fact
from unstuck.record.ledger import Ledger, Statement
from unstuck.record.schema import HEAD, SIGNAL_BYTES
from unstuck.record.signals import LOSS, Index, Signal
from unstuck.record.thinning import LEAST, Thinning, Track, offer_together

__all__ = ["RunWriter"]

FLUSH_SECONDS = 0.5

ADD_NAME = "INSERT INTO names VALUES (?, ?, ?, ?)"
ADD_SAMPLE = "INSERT INTO samples VALUES (?, ?, ?, ?, ?)"
KEEP = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
ADD_FACT = "INSERT INTO facts (stream, kind, value) VALUES (?, ?, ?)"
ADD_ARRAY = "INSERT OR REPLACE INTO arrays VALUES (?, ?, ?, ?, ?)"
_packed = Struct("=d").pack

THIN = "DELETE FROM samples WHERE stream = ? AND signal = ? AND position >= ? AND position % ?"


class RunWriter:
    """Append signals and facts to a run, safely and within a bounded file.

    What was flushed survives ``kill -9``; unflushed samples are at most half a second old. Another process may read the
    file at any time, and the file may be copied at any time: alone it lacks what was written in the last two seconds,
    or longer on a slow disk. Methods may be called from several threads.

    A signal may take ``signal_bytes`` over all trainings of the run, each its fair share: see
    :class:`~unstuck.record.thinning.Thinning`.

    Args:
        path: The run's folder; it is made where it is missing. Other files in it are left alone.
        signal_bytes: Share of the file for one signal, in bytes.

    Raises:
        RunWriteError: The folder may not be written, already holds a run, or the disk is full.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.record import Run, signals
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunWriter(folder) as writer:
        ...     for step, loss in enumerate([2.3, 1.9, 1.4]):
        ...         writer.add(signals.LOSS, step, loss)
        >>> with Run.open(folder) as run:
        ...     run.series(signals.LOSS).values.tolist()
        [2.3, 1.9, 1.4]
    """

    def __init__(self, path: Path, *, signal_bytes: int = SIGNAL_BYTES) -> None:
        self.path = path
        self._signal_bytes = signal_bytes
        self._lock = threading.RLock()
        self._pending: list[tuple[int, str, int, int, bytes]] = []
        self._thinning: dict[str, Thinning] = {}
        self._thinned: dict[tuple[int, str], Track] = {}
        self._names: defaultdict[tuple[int, Index], int] = defaultdict(int)
        self._flushed = time.monotonic()
        self._closed = False
        self._ledger = Ledger(path)

    def name(self, index: Index, names: Iterable[str], *, stream: int = 0) -> None:
        """Append the names of an index's entries, in the order in which samples will give their values."""
        with self._lock:
            start = self._names[stream, index]
            rows = [(stream, index.value, start + i, name) for i, name in enumerate(names)]
            self._names[stream, index] += len(rows)
            self._ledger.write((ADD_NAME, rows))

    def add(self, signal: Signal, step: int, values: ArrayLike, *, stream: int = 0) -> None:
        """Append one sample.

        Args:
            signal: What was measured.
            step: Optimizer updates completed before it. A sample that comes after one of a later step is left out.
            values: One number, or one for each entry of the signal's index: shape (entries,), or (entries, bins) for a
                histogram. NaN stands for a missing entry.
            stream: The training that it belongs to.
        """
        self.add_sample(step, {signal: values}, stream=stream)

    def add_sample(self, step: int, sample: Mapping[Signal, ArrayLike], *, stream: int = 0) -> None:
        """Append what was measured of one step, as :meth:`add` would one by one, for less.

        Args:
            step: Optimizer updates completed before it.
            sample: For each signal that was measured its values.
            stream: The training that it belongs to.

        Examples:
            >>> import tempfile
            >>> from unstuck.record import Run, signals
            >>> folder = Path(tempfile.mkdtemp())
            >>> with RunWriter(folder) as writer:
            ...     writer.add_sample(7, {signals.LOSS: 2.3, signals.ACCURACY: 0.1})
            >>> with Run.open(folder) as run:
            ...     run.series(signals.ACCURACY).steps.tolist()
            [7]
        """
        samples: list[tuple[str, int, bytes]] = []
        for signal, values in sample.items():
            if signal.index is not Index.RUN:
                data = np.asarray(values, dtype=np.float32).tobytes()
            elif type(values) is float:
                data = _packed(values)
            else:
                data = np.asarray(values, dtype=np.float64).tobytes()
            samples.append((signal.key, step, data))
        self._offer(samples, stream)

    def add_series(self, signal: Signal, steps: Sequence[int], values: ArrayLike, *, stream: int = 0) -> None:
        """Append samples, as :meth:`add` would one by one, for less.

        Args:
            signal: What was measured.
            steps: Optimizer updates completed before each.
            values: The numbers, of shape (samples,), or (samples, entries) where the signal has an index.
            stream: The training that they belong to.
        """
        data = np.asarray(values, dtype=np.float64 if signal.index is Index.RUN else np.float32).tobytes()
        size = len(data) // max(len(steps), 1)
        self._offer([(signal.key, step, data[size * i : size * (i + 1)]) for i, step in enumerate(steps)], stream)

    def _offer(self, samples: Sequence[tuple[str, int, bytes]], stream: int) -> None:
        """Keep samples, each of a key and a step, but for those of signals that have so many that they are thinned."""
        with self._lock:
            offers: list[tuple[Thinning, int, int]] = []
            for key, step, data in samples:
                offers.append((self._thinning.get(key) or self._thinned_by(key), step, len(data)))
            while offers:
                positions = offer_together(offers, stream)
                for position, (key, step, data) in zip(positions, samples, strict=False):
                    if position is not None:
                        self._pending.append((stream, key, position, step, data))
                last = len(positions) - 1
                thinning = offers[last][0]
                if thinning.total > thinning.share:
                    self._thin(samples[last][0], thinning)
                offers, samples = offers[last + 1 :], samples[last + 1 :]
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()

    def _thinned_by(self, key: str) -> Thinning:
        """What thins a signal that had no sample yet."""
        # Most rules rest on the curve of the loss, which is the cheapest signal of all.
        thinning = self._thinning[key] = Thinning(self._signal_bytes, least=HEAD if key == LOSS.key else LEAST)
        return thinning

    def _thin(self, key: str, thinning: Thinning) -> None:
        crowded = thinning.crowded()
        while crowded is not None:
            self._thinned[crowded, key] = thinning.halve(crowded)
            crowded = thinning.crowded()

    def state(self, *stated: Fact, stream: int = 0) -> None:
        """Append facts, and flush, so that a live reader sees them together with the samples before them.

        Args:
            stated: The facts; all or none of them are written.
            stream: The training that they are about.
        """
        rows = [(stream, fact.kind, json.dumps(fact, default=_by_field)) for fact in stated]
        with self._lock:
            self._ledger.write(*self._taken(), (ADD_FACT, rows))

    def describe(self, fact: Fact) -> None:
        """State a fact of the whole program, such as how it was started; a later one of its kind replaces it."""
        with self._lock:
            self._ledger.write((KEEP, [(fact.kind, json.dumps(fact, default=_by_field))]))

    def array(self, name: str, step: int, values: ArrayLike, *, stream: int = 0) -> None:
        """Store an array, as float32; a later one of the same name and step replaces it."""
        array = np.asarray(values, dtype=np.float32)
        with self._lock:
            self._ledger.write((ADD_ARRAY, [(stream, name, step, json.dumps(array.shape), array.tobytes())]))

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            statements = self._taken()
            if statements:
                self._ledger.write(*statements)

    def _taken(self) -> list[Statement]:
        """What writes the samples that are pending, which are not pending any more."""
        pending, self._pending = self._pending, []
        thinned, self._thinned = self._thinned, {}
        self._flushed = time.monotonic()
        if not thinned:
            return [(ADD_SAMPLE, pending)] if pending else []
        pending = [row for row in pending if row[:2] not in thinned or thinned[row[:2]].keeps(row[2])]
        where = [(*key, track.head, track.stride) for key, track in thinned.items()]
        return [(ADD_SAMPLE, pending), (THIN, where)]

    def close(self) -> None:
        """Flush and close; closing twice is allowed."""
        with self._lock:
            try:
                if not self._closed:
                    self._ledger.write(*self._taken(), (KEEP, [("closed", str(time.time()))]))
                    self._closed = True
            finally:
                self._ledger.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _by_field(value: Any) -> dict[str, Any]:
    """A dataclass for JSON, field by field."""
    return {name: getattr(value, name) for name in _names(type(value))}


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))
