"""Who works on a study, and whether another who does is still alive."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

__all__ = ["BEAT", "BEAT_SECONDS", "Watch", "Worker"]

BEAT_SECONDS = 10.0
"""Time between two signs of life."""

SILENT_SECONDS = 60.0
"""Time without a sign of life after which a worker on another machine is taken for dead."""

BEAT = "unstuck:beat:"
"""How the attributes of a study begin that count signs of life."""


class Worker:
    """One process that works on a study.

    Attributes:
        name: Host, process and when that began, and a number drawn at random.
    """

    def __init__(self) -> None:
        self.name = f"{_host()}|{os.getpid()}|{_born(os.getpid())}|{uuid4().hex[:8]}"
        self._beats = 0

    def beat(self) -> tuple[str, int]:
        """The attribute by which the study is told that it is alive: a count, for clocks differ between machines."""
        self._beats += 1
        return f"{BEAT}{self.name}", self._beats


class Watch:
    """Tell whether other workers are dead: on this machine at once, elsewhere when their count stands for a minute."""

    def __init__(self, *, silent: float = SILENT_SECONDS) -> None:
        self._silent = silent
        self._seen: dict[str, tuple[Any, float]] = {}

    def dead(self, worker: str, attributes: Mapping[str, Any], trial: int) -> bool:
        """Whether a worker is dead.

        Args:
            worker: Its name; empty where it died before it could say it.
            attributes: Those of the study.
            trial: The trial that it had claimed.

        Examples:
            >>> watch = Watch()
            >>> watch.dead(Worker().name, {}, 0), watch.dead(f"{_host()}|{2**22 + 1}|0|ab", {}, 0)
            (False, True)
        """
        host, process, born, _ = worker.split("|") if worker.count("|") == 3 else ("", "0", "", "")
        if host == _host():
            return _born(int(process)) != born
        count, now = attributes.get(f"{BEAT}{worker}"), time.monotonic()
        key = worker or f"trial {trial}"
        before, since = self._seen.setdefault(key, (count, now))
        if before != count:
            self._seen[key] = (count, now)
            return False
        return now - since > self._silent


def _host() -> str:
    """The machine, and within it the container, in which numbers of processes mean the same."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()}{space}".replace("|", "-")


def _born(process: int) -> str:
    """When a process began, by the system's count; empty where it is gone or dead, 0 where that is not known."""
    stat = Path(f"/proc/{process}/stat")
    try:
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _alive(process)


def _alive(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except (OSError, ValueError):
        return "0"
    return "0"
