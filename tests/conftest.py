"""What all tests need."""

from __future__ import annotations

import os
import signal

# A test forks, and a fork of a process in which OpenMP has threads hangs. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start, also where the tests themselves run in the background.

    A shell lets its background jobs ignore the signal, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
