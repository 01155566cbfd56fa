"""What a training shows while it runs: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from unstuck.observe import Latest
from unstuck.train.fit import Epoch

__all__ = ["Bar", "Lines", "Progress", "Silent", "progress_for"]

REFRESH_SECONDS = 0.1
"""Time between two looks at the newest numbers; a look at every step would cost more than it shows."""


class Progress(Protocol):
    """What a training tells whoever watches it."""

    def say(self, line: str) -> None:
        """Show a line."""

    def begin(self, *, epochs: int, steps_per_epoch: int) -> None:
        """Training begins."""

    def step(self, latest: Latest) -> None:
        """A step was made."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""

    def end(self) -> None:
        """Training is over, however it ended."""


def progress_for(console: Console) -> Progress:
    """A bar where the console is a terminal, lines elsewhere."""
    return Bar(console) if console.is_terminal else Lines(console)


class Silent:
    """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    def begin(self, *, epochs: int, steps_per_epoch: int) -> None:
        """Show nothing."""

    def step(self, latest: Latest) -> None:
        """Show nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


FIRST, FIFTY = 10, 50
"""Epochs of which each has a line, and about how many have one of all."""


class Lines:
    """One plain line an epoch, for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._epochs = 0
        self._latest = Latest()
        self._began = 0.0

    def say(self, line: str) -> None:
        """Print the line as it is, however narrow the console."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def begin(self, *, epochs: int, steps_per_epoch: int) -> None:
        """Note how many epochs there will be, and the time."""
        self._epochs = epochs
        self._began = time.perf_counter()

    def step(self, latest: Latest) -> None:
        """Note the newest numbers."""
        self._latest = latest

    def epoch(self, epoch: Epoch) -> None:
        """Print what the epoch came to; of very many, the first ones, about fifty on the way, and the last."""
        if epoch.number > FIRST and epoch.number % max(1, round(self._epochs / FIFTY)) and epoch.number < self._epochs:
            return
        parts = [f"epoch {epoch.number:>{len(str(self._epochs))}}/{self._epochs}", f"loss {epoch.train.loss:.4f}"]
        if epoch.penalty:
            parts.append(f"penalty {epoch.penalty:.4f}")
        if epoch.train.accuracy is not None:
            parts.append(f"accuracy {epoch.train.accuracy:6.1%}")
        if epoch.validation and epoch.validation.examples:
            parts.append(f"validation loss {epoch.validation.loss:.4f}")
            if epoch.validation.accuracy is not None:
                parts.append(f"accuracy {epoch.validation.accuracy:6.1%}")
        parts.append(f"rate {_number(self._latest.learning_rate)}")
        parts.append(f"update ratio {_number(self._latest.update_ratio)}")
        passed = time.perf_counter() - self._began
        parts.append(f"{passed:.1f} s, at most {passed / epoch.number * (self._epochs - epoch.number):.1f} s left")
        self.say("  ".join(parts))

    def end(self) -> None:
        """Nothing is left to show."""


class Bar:
    """One line that moves, with the newest loss, accuracy, rate, update ratio and the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = RichProgress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            expand=True,
            refresh_per_second=1 / REFRESH_SECONDS,
        )
        self._task = self._bar.add_task("", visible=False, epoch=1, epochs=0, numbers="")
        self._validation = ""
        self._steps = 0
        self._next = 0.0

    def say(self, line: str) -> None:
        """Print the line above the bar."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def begin(self, *, epochs: int, steps_per_epoch: int) -> None:
        """Show the empty bar."""
        self._bar.update(self._task, total=epochs * steps_per_epoch, epochs=epochs, visible=True)
        self._bar.start()

    def step(self, latest: Latest) -> None:
        """Show the newest numbers, if it is time to."""
        self._steps += 1
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        accuracy = "" if latest.accuracy is None else f" acc {latest.accuracy:4.0%}"
        numbers = f"loss {_number(latest.loss)}{accuracy}{self._validation} rate {_number(latest.learning_rate)}"
        ratio = "" if latest.update_ratio is None else f" ratio {latest.update_ratio:.0e}"
        self._bar.update(self._task, completed=self._steps, numbers=numbers + ratio)

    def epoch(self, epoch: Epoch) -> None:
        """Show what the epoch came to on the validation part."""
        held_out = epoch.validation
        if held_out and held_out.examples:
            worth = f"{held_out.accuracy:.1%}" if held_out.accuracy is not None else _number(held_out.loss)
            self._validation = f" val {worth}"
        self._next = 0.0
        following = epoch.number + 1 if epoch.number < self._epochs else epoch.number
        self._bar.update(self._task, epoch=following)

    def end(self) -> None:
        """Leave the bar where it stands."""
        self._bar.update(self._task, completed=self._steps)
        self._bar.stop()

    @property
    def _epochs(self) -> int:
        return int(self._bar.tasks[0].fields["epochs"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
