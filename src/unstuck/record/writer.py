"""The writing side of a run: used by the process that trains."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike

from unstuck.record.facts import Fact
from unstuck.record.ledger import Ledger
from unstuck.record.schema import HEAD, SIGNAL_BYTES
from unstuck.record.signals import LOSS, Index, Signal
from unstuck.record.thinning import LEAST, Thinning, Track

__all__ = ["RunWriter"]

FLUSH_SECONDS = 0.5

ADD_NAME = "INSERT INTO names VALUES (?, ?, ?, ?)"
ADD_SAMPLE = "INSERT INTO samples VALUES (?, ?, ?, ?, ?)"
ADD_FACT = "INSERT INTO facts (stream, kind, value) VALUES (?, ?, ?)"
ADD_ARRAY = "INSERT OR REPLACE INTO arrays VALUES (?, ?, ?, ?, ?)"
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
        data = np.asarray(values, dtype=np.float64 if signal.index is Index.RUN else np.float32).tobytes()
        with self._lock:
            self._offer(signal.key, step, data, stream)
            self._flush_in_time()

    def add_series(self, signal: Signal, steps: Sequence[int], values: ArrayLike, *, stream: int = 0) -> None:
        """Append samples of one number each, as :meth:`add` would one by one, for less.

        Args:
            signal: What was measured, one number of the run.
            steps: Optimizer updates completed before each.
            values: The numbers, of shape (samples,).
            stream: The training that they belong to.
        """
        data = np.asarray(values, dtype=np.float64).tobytes()
        with self._lock:
            for i, step in enumerate(steps):
                self._offer(signal.key, step, data[8 * i : 8 * i + 8], stream)
            self._flush_in_time()

    def _offer(self, key: str, step: int, data: bytes, stream: int) -> None:
        """Keep one sample, unless the signal has so many that it is thinned."""
        thinning = self._thinning.get(key)
        if thinning is None:
            # Most rules rest on the curve of the loss, which is the cheapest signal of all.
            least = HEAD if key == LOSS.key else LEAST
            thinning = self._thinning[key] = Thinning(self._signal_bytes, least=least)
        position = thinning.offer(stream, step, len(data))
        if position is None:
            return
        self._pending.append((stream, key, position, step, data))
        crowded = thinning.crowded()
        while crowded is not None:
            self._thinned[crowded, key] = thinning.halve(crowded)
            crowded = thinning.crowded()

    def _flush_in_time(self) -> None:
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def state(self, fact: Fact, *, stream: int = 0) -> None:
        """Append a fact, and flush, so that a live reader sees it together with the samples before it."""
        with self._lock:
            self.flush()
            self._ledger.write((ADD_FACT, [(stream, fact.kind, json.dumps(fact, default=_fields))]))

    def array(self, name: str, step: int, values: ArrayLike, *, stream: int = 0) -> None:
        """Store an array, as float32; a later one of the same name and step replaces it."""
        array = np.asarray(values, dtype=np.float32)
        with self._lock:
            self._ledger.write((ADD_ARRAY, [(stream, name, step, json.dumps(array.shape), array.tobytes())]))

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            pending, self._pending = self._pending, []
            thinned, self._thinned = self._thinned, {}
            self._flushed = time.monotonic()
            if thinned:
                pending = [row for row in pending if row[:2] not in thinned or thinned[row[:2]].keeps(row[2])]
                where = [(*key, track.head, track.stride) for key, track in thinned.items()]
                self._ledger.write((ADD_SAMPLE, pending), (THIN, where))
            elif pending:
                self._ledger.write((ADD_SAMPLE, pending))

    def close(self) -> None:
        """Flush and close; closing twice is allowed."""
        with self._lock:
            try:
                self.flush()
            finally:
                self._ledger.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _fields(part: object) -> dict[str, object]:
    """The fields of a fact, or of a part of it; unlike ``dataclasses.asdict`` this copies nothing."""
    if not is_dataclass(part):
        raise TypeError(f"{type(part).__name__} is no part of a fact")
    return vars(part)
