"""The end of a trial: after so many updates, or so many seconds from its first."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

__all__ = ["Bound"]


class Bound:
    """End this process when the training that counts begins the update after its last, or when its time is over.

    Args:
        steps: Updates of one optimizer.
        seconds: From the first update that counts.
        begun: Called at the first update that counts.
        training: Its number among those of the program, by the order of their first updates; earlier ones are made to
            their end, and later ones count as it does.
        gently: Whether what is trained ends itself when it is interrupted, as a recipe does.
    """

    def __init__(
        self,
        *,
        steps: int,
        seconds: float,
        begun: Callable[[], object],
        training: int = 0,
        gently: bool = False,
    ) -> None:
        self._gently = gently
        self._training = training
        self._steps = steps
        self._seconds = seconds
        self._begun = begun
        self._numbers: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
        self._made: Counter[int] = Counter()
        self._seen = 0
        self.reached: str | None = None

    def install(self) -> None:
        """Begin to count."""
        register_optimizer_step_pre_hook(self._steps_now)

    def _steps_now(self, optimizer: Optimizer, args: Any, settings: Any) -> None:
        number = self._numbers.get(optimizer)
        if number is None:
            number = self._numbers[optimizer] = self._seen
            self._seen += 1
        if number < self._training:
            return
        if not self._made:
            self._begin()
        if self._made[number] >= self._steps and self.reached is None:
            self.reached = "bound"
            self._leave()
        self._made[number] += 1

    def _begin(self) -> None:
        self._begun()
        timer = threading.Timer(self._seconds, self._time_is_over)
        timer.daemon = True
        timer.start()

    def _time_is_over(self) -> None:
        if self.reached is None:
            self.reached = "time"
            os.kill(os.getpid(), signal.SIGINT if self._gently else signal.SIGTERM)

    def _leave(self) -> None:
        """The exit handlers of the program are not run: they would save, upload, or wait."""
        if self._gently:
            os.kill(os.getpid(), signal.SIGINT)
        elif threading.current_thread() is threading.main_thread():
            os._exit(0)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
