"""The writing side of a run: used by the process that trains."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike

from unstuck.errors import RunWriteError
from unstuck.record.facts import Fact
from unstuck.record.schema import CREATE, FILE_NAME, HEAD, SCHEMA, SIGNAL_BYTES
from unstuck.record.signals import Index, Signal

__all__ = ["RunWriter"]

FLUSH_SECONDS = 0.5
ROW_BYTES = 24  # what SQLite keeps for a row beside its blob


@dataclass
class _Track:
    """Thinning state of one signal of one stream."""

    offered: int = 0
    stride: int = 1
    kept_bytes: int = 0


class RunWriter:
    """Append signals and facts to a run, safely and within a bounded file.

    What was flushed survives ``kill -9``; unflushed samples are at most half a second old. Another process may read the
    file at any time. Methods may be called from several threads.

    Args:
        path: The run's folder; it is made where it is missing.
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
        self._tracks: defaultdict[tuple[int, str], _Track] = defaultdict(_Track)
        self._signal_totals: defaultdict[str, int] = defaultdict(int)
        self._names: defaultdict[tuple[int, Index], int] = defaultdict(int)
        self._flushed = time.monotonic()
        self._connection = self._create()

    def _create(self) -> sqlite3.Connection:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.path / FILE_NAME
            if file.exists():
                raise RunWriteError(f"{file}: there is a run already; choose another folder, or remove that one")
            connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=30.0)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(CREATE)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)", [("schema", str(SCHEMA)), ("created", str(time.time()))]
            )
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, RunWriteError):
                raise
            raise RunWriteError(
                f"{self.path}: the run cannot be written ({error}); choose another folder with --out, or free space"
            ) from error
        return connection

    def name(self, index: Index, names: Iterable[str], *, stream: int = 0) -> None:
        """Append the names of an index's entries, in the order in which samples will give their values."""
        with self._lock:
            start = self._names[stream, index]
            rows = [(stream, index.value, start + i, name) for i, name in enumerate(names)]
            self._names[stream, index] += len(rows)
            self._execute("INSERT INTO names VALUES (?, ?, ?, ?)", rows)

    def add(self, signal: Signal, step: int, values: ArrayLike, *, stream: int = 0) -> None:
        """Append one sample.

        Args:
            signal: What was measured.
            step: Optimizer updates completed before it.
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
        track = self._tracks[stream, key]
        position = track.offered
        track.offered += 1
        if position >= HEAD and position % track.stride:
            return
        self._pending.append((stream, key, position, step, data))
        track.kept_bytes += len(data) + ROW_BYTES
        self._signal_totals[key] += len(data) + ROW_BYTES
        if self._signal_totals[key] > self._signal_bytes and track.offered > 2 * HEAD:
            self._thin(stream, key, track)

    def _flush_in_time(self) -> None:
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def state(self, fact: Fact, *, stream: int = 0) -> None:
        """Append a fact, and flush, so that a live reader sees it together with the samples before it."""
        with self._lock:
            self.flush()
            self._execute(
                "INSERT INTO facts (stream, kind, value) VALUES (?, ?, ?)",
                [(stream, fact.kind, json.dumps(asdict(fact)))],
            )

    def array(self, name: str, step: int, values: ArrayLike, *, stream: int = 0) -> None:
        """Store an array, as float32; a later one of the same name and step replaces it."""
        array = np.asarray(values, dtype=np.float32)
        with self._lock:
            self._execute(
                "INSERT OR REPLACE INTO arrays VALUES (?, ?, ?, ?, ?)",
                [(stream, name, step, json.dumps(array.shape), array.tobytes())],
            )

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            pending, self._pending = self._pending, []
            self._flushed = time.monotonic()
            if pending:
                self._execute("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", pending)

    def close(self) -> None:
        """Flush and close; closing twice is allowed."""
        with self._lock:
            try:
                self.flush()
            finally:
                self._connection.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _thin(self, stream: int, key: str, track: _Track) -> None:
        """Keep every second of the samples after the head."""
        self.flush()
        track.stride *= 2
        where = "stream = ? AND signal = ? AND position >= ? AND position % ?"
        self._execute(f"DELETE FROM samples WHERE {where}", [(stream, key, HEAD, track.stride)])
        query = "SELECT coalesce(sum(length(data) + ?), 0) FROM samples WHERE stream = ? AND signal = ?"
        kept = int(self._connection.execute(query, (ROW_BYTES, stream, key)).fetchone()[0])
        self._signal_totals[key] += kept - track.kept_bytes
        track.kept_bytes = kept

    def _execute(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise RunWriteError(
                f"{self.path}: the run could not be written any further ({error}); what stands there is kept. "
                "Free space, or choose another folder with --out"
            ) from error
