"""What is new between the backward passes of one step: a second loss, and the modules that run for it alone."""

from __future__ import annotations

from torch import nn

__all__ = ["BetweenPasses"]


class BetweenPasses:
    """Tell what a step shows for the first time from what comes again in it, as with each micro-batch.

    A forward pass is watched up to the backward pass that follows it. Behind that one, only what is new counts; as soon
    as a stretch between two passes has brought nothing new, those that follow are taken to be of micro-batches, and are
    not watched.

    Attributes:
        ran: Paths of the modules that ran in this step.
        began: Whether a pass of this step has ended after which watching went on.
        watched: Whether all is seen that leads to the coming pass.
        news: Whether anything was new since the latest pass.

    Examples:
        >>> between, body, head = BetweenPasses(), nn.Linear(2, 2), nn.Linear(2, 1)
        >>> between.is_new(body, "body"), between.goes_on()
        (True, True)
        >>> between.is_new(body, "body"), between.is_new(head, "head"), between.goes_on()
        (False, True, True)
        >>> between.is_new(body, "body"), between.goes_on()
        (False, False)
    """

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self._new: set[int] = set()
        self.began = self.news = False
        self.watched = True

    def begin(self) -> None:
        """A sampled step begins."""
        self.ran.clear()
        self._new.clear()
        self.began = self.news = False
        self.watched = True

    def is_new(self, module: nn.Module, path: str) -> bool:
        """Take note of a module that runs; whether it is the first time in this step."""
        if path in self.ran:
            return False
        self.ran.add(path)
        self._new.add(id(module))
        self.news = True
        return True

    def came(self, module: nn.Module) -> bool:
        """Whether a module that has run was new since the latest pass."""
        return id(module) in self._new

    def goes_on(self) -> bool:
        """A pass has ended that another one may follow; whether to watch what leads there."""
        self.watched = not self.began or self.news
        self.began |= self.watched
        self.news = False
        self._new.clear()
        return self.watched
