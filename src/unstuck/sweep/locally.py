"""Make the tries of a sweep in this process: those that differ in numbers only as one, others one after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import torch

from unstuck.errors import UnstuckError
from unstuck.stacked import CannotStackError
from unstuck.sweep.alone import Ticks, train_alone
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.space import Space
from unstuck.sweep.stacking import alike, train_stacked

__all__ = ["Locally"]

MOST = 256
"""Trainings that are made as one, at most: what is killed in their middle is made again."""


class Locally:
    """Train in this process.

    Args:
        stack: Whether trainings that differ in numbers only are made as one.
    """

    def __init__(self, *, stack: bool = True) -> None:
        self._stack = stack

    def together(self, space: Space, waiting: list[Try]) -> int:
        """How many of those that wait can be one stack with the first."""
        return len(alike(space, waiting[:MOST])[0]) if self._stack else 1

    def train(
        self, space: Space, tries: list[Try], after_epoch: Ticks, say: Callable[[str], None]
    ) -> Iterator[tuple[Try, Outcome]]:
        """Make tries, and give each as soon as it is over."""
        for group in alike(space, tries) if self._stack else [tries]:
            with _threads(space):
                yield from self._group(space, group, after_epoch, say)

    def _group(
        self, space: Space, tries: list[Try], after_epoch: Ticks, say: Callable[[str], None]
    ) -> Iterator[tuple[Try, Outcome]]:
        if self._stack and len(tries) > 1:
            try:
                yield from train_stacked(space, tries, after_epoch=after_epoch)
            except CannotStackError as error:
                self._stack = False
                say(f"trained one after another, for they cannot be trained as one: {error}")
            except (RuntimeError, UnstuckError) as error:
                say(f"trained one after another, for together they fail: {str(error).splitlines()[0]}")
            else:
                return
        for attempt in tries:
            yield attempt, train_alone(space, attempt, after_epoch=after_epoch)


@contextmanager
def _threads(space: Space) -> Generator[None]:
    number = space.base.get("train", {}).get("threads", "auto")
    before = torch.get_num_threads()
    if isinstance(number, int):
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
