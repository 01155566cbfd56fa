"""Ctrl-C at a moment when nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

__all__ = ["Interruption"]

T = TypeVar("T")


class Interruption:
    """Hold Ctrl-C back until the next batch, so that no row, step or file is left half written.

    A second Ctrl-C is not held back. Outside the main thread, where no signal arrives, nothing is done.

    Examples:
        >>> import os
        >>> with Interruption() as interruption:
        ...     try:
        ...         for number in interruption.between([1, 2, 3]):
        ...             if number == 2:
        ...                 os.kill(os.getpid(), signal.SIGINT)
        ...             print(number)
        ...     except KeyboardInterrupt:
        ...         print("stopped")
        1
        2
        stopped
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and raise KeyboardInterrupt in place of the next one once Ctrl-C was pressed."""
        for item in items:
            if self.requested:
                raise KeyboardInterrupt
            yield item
        if self.requested:
            raise KeyboardInterrupt

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
