"""One process at a time makes the trials of a run: two would share their folders."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from unstuck.errors import ArgumentError

__all__ = ["alone", "refuse_another"]

LOCK = "lock"


def refuse_another(trials: Path) -> None:
    """Refuse to go on where another process makes trials of a run; nothing is made.

    Args:
        trials: The folder of the run's trials.

    Raises:
        ArgumentError: Another process makes some.
    """
    if (trials / LOCK).exists():
        with alone(trials):
            pass


@contextmanager
def alone(trials: Path) -> Generator[None]:
    """Keep other processes from making trials of a run, until the context or this process ends.

    Args:
        trials: The folder of the run's trials, which is made.

    Raises:
        ArgumentError: Another process makes some.
    """
    trials.mkdir(parents=True, exist_ok=True)
    fcntl = importlib.import_module("fcntl")  # where trials can be made, it is there
    file = os.open(trials / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ArgumentError(
            f"{trials.parent}: is being tried by another `unstuck confirm`; wait for it, its trials are kept"
        ) from error
    finally:
        os.close(file)
