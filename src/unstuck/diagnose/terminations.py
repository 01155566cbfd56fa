"""Signals that end a process, caught only to leave a verdict: the script sees none of it, and the process dies of it.

Batch systems and ``timeout`` end a training by SIGTERM, a terminal that closes by SIGHUP. Where the script has left
such a signal to its default action, a handler of ours takes the last word and then lets the signal have its way. The
script's own handlers, and signals that were ignored from the start, as under ``nohup``, stay as they are.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Terminations"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

SAME_SECONDS = 0.5
"""Signals that follow within this time are one: ``timeout`` sends its own twice, and launchers pass on what all got."""

_PACKAGE = Path(__file__).parents[1]
_AT_WORK = (str(_PACKAGE / "observe"), str(_PACKAGE / "record"))
"""Code of ours that runs below the script, and must not be cut short between two of its lines."""


class Terminations:
    """Speak before dying of a signal that the script does not handle.

    Args:
        speak: The last word. It is called once, in the main thread.
    """

    def __init__(self, speak: Callable[[], object]) -> None:
        self._speak = speak
        self._process = os.getpid()
        self._held: set[int] = set()
        self._speaking = False
        self._first: float | None = None
        self._caught: int | None = None
        self._mask = threading.local()  # any thread may fork
        self._set, self._get = signal.signal, signal.getsignal

    def install(self) -> None:
        """Begin; in the main thread, where alone signals are handled."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            if self._get(number) is signal.SIG_DFL:
                self._hold(number)
        signal.signal, signal.getsignal = self._shown_set(), self._shown_get()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._fork, after_in_parent=self._forked, after_in_child=self._born)

    def speaking(self, *, interrupted: bool) -> None:
        """The last word is being said, for another reason: a signal that comes now waits for its end.

        Args:
            interrupted: Whether it is said because of a signal: then the next one ends the process at once.
        """
        self._speaking = True
        self._first = time.monotonic() if interrupted else None
        self._catch_interrupts()

    def spoken(self) -> None:
        """The last word is said: die of the signal that came meanwhile, if one did."""
        self._release()
        if self._get(signal.SIGINT) == self._handle:
            self._set(signal.SIGINT, signal.SIG_DFL)
        if self._caught is not None:
            self._die(self._caught)

    def _hold(self, number: int) -> None:
        self._set(number, self._handle)
        self._held.add(number)

    def _release(self) -> None:
        """Let the signals have their default action, as they have it in a process that we do not watch."""
        for number in sorted(self._held):
            self._set(number, signal.SIG_DFL)
        self._held.clear()

    def _fork(self) -> None:
        """Keep signals back, for one that comes to a child before it has its default actions would be lost there."""
        if self._held:
            self._mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, self._held)

    def _forked(self) -> None:
        before = self._mask.__dict__.pop("before", None)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _born(self) -> None:
        self._release()
        self._forked()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is not None:
            if now - self._first > SAME_SECONDS or os.getpid() != self._process:
                self._die(number)
            return
        self._first = now
        if self._speaking:
            self._caught = number
            return
        self._speaking = True
        self._catch_interrupts()

        def end() -> None:
            if os.getpid() == self._process:
                with contextlib.suppress(BaseException):
                    self._speak()
            self._die(number)

        ours = _outermost_at_work(frame)
        if ours is None:
            end()
        else:
            _when_left(ours, end)

    def _catch_interrupts(self) -> None:
        """From now on an interrupt, too, is a signal to end by."""
        if self._get(signal.SIGINT) is not signal.SIG_IGN:
            self._set(signal.SIGINT, self._handle)

    def _die(self, number: int) -> None:
        self._set(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _shown_set(self) -> Callable[..., Any]:
        """``signal.signal`` as the script knows it: a default action is one, also where it is ours to take."""

        @functools.wraps(self._set)
        def shown(signalnum: Any, handler: Any) -> Any:
            before = self._set(signalnum, handler)
            if before == self._handle:
                before = signal.SIG_DFL
            self._held.discard(int(signalnum))
            mine = os.getpid() == self._process and not self._speaking
            if mine and handler == signal.SIG_DFL and signalnum in SIGNALS:
                self._hold(int(signalnum))
            return before

        return shown

    def _shown_get(self) -> Callable[..., Any]:
        @functools.wraps(self._get)
        def shown(signalnum: Any) -> Any:
            handler = self._get(signalnum)
            return signal.SIG_DFL if handler == self._handle else handler

        return shown


def _outermost_at_work(frame: FrameType | None) -> FrameType | None:
    """The first that was entered of our frames below the script; None where the script itself is at work."""
    found: FrameType | None = None
    while frame is not None:
        if frame.f_code.co_filename.startswith(_AT_WORK):
            found = frame
        frame = frame.f_back
    return found


def _when_left(frame: FrameType, act: Callable[[], None]) -> None:
    """Act when a frame that is now being run returns, by the way that debuggers take."""

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        del frame, arg
        if event == "return":
            sys.settrace(None)
            act()
        return trace

    sys.settrace(lambda *_: None)
    frame.f_trace_lines, frame.f_trace = False, trace
