"""Make the tries of a sweep in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from unstuck.sweep.alone import Ticks, train_alone
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.space import Space

__all__ = ["Locally"]


class Locally:
    """One after the other."""

    def together(self, space: Space, waiting: list[Try]) -> int:
        """One at a time."""
        return 1

    def train(self, space: Space, tries: list[Try], after_epoch: Ticks) -> Iterator[tuple[Try, Outcome]]:
        """Make tries, and give each as soon as it is over."""
        for attempt in tries:
            with _threads(space):
                outcome = train_alone(space, attempt, after_epoch=after_epoch)
            yield attempt, outcome


def _threads(space: Space) -> AbstractContextManager[None]:
    number = space.base.get("train", {}).get("threads", "auto")
    return _of(number) if isinstance(number, int) else nullcontext()


@contextmanager
def _of(number: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
