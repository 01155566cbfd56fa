"""An exit status of ours, where the script that this process ran has ended well."""

from __future__ import annotations

import atexit
import os

__all__ = ["LastStatus"]


class LastStatus:
    """End the process with another status than the interpreter was asked for.

    The verdict is known when the interpreter runs its exit handlers, and then its status is settled. The handler that
    is registered first runs last: nothing of the script's is left to run, and its streams are flushed here.

    Attributes:
        status: The status; 0 leaves the interpreter its own.
    """

    def __init__(self) -> None:
        self.status = 0
        self._process = os.getpid()
        self._exit = os._exit
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.status and os.getpid() == self._process:
            from unstuck.diagnose.streams import flush

            flush()
            self._exit(self.status)
