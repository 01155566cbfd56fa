"""Where a training is: which step, in which phase of it, and whether that step is sampled."""

from __future__ import annotations

from enum import Enum

__all__ = ["Clock", "Phase"]


class Phase(Enum):
    """What a training does between two updates."""

    FORWARD = "forward"  #: towards the first loss of the step
    BACKWARD = "backward"  #: gradients are there, and more may be added before the update
    REPEATED = "repeated"  #: a closure is called again: the loss of the step is the one at its start
    EVALUATION = "evaluation"  #: batches pass through the model that nothing is learnt from
    ENDED = "ended"


class Clock:
    """Count the steps of one training, and know its phase.

    Attributes:
        step: Updates made.
        phase: What the training does.
        sampled: Whether this step is measured.
        closure: Whether an optimizer's step with a closure is under way.
        plain: Whether closures are called once, as far as was seen.

    Examples:
        >>> clock = Clock()
        >>> clock.backward(cleared=False), clock.phase.value
        (True, 'backward')
        >>> clock.backward(cleared=False)  # of a second micro-batch
        False
        >>> clock.updated(), clock.step, clock.phase.value
        (None, 1, 'forward')
    """

    def __init__(self) -> None:
        self.step = 0
        self.phase = Phase.FORWARD
        self.sampled = True
        self.closure = False
        self.plain = True
        self._before = Phase.FORWARD

    @property
    def training(self) -> Phase:
        """The phase of the training itself, which an evaluation interrupts."""
        return self._before if self.phase is Phase.EVALUATION else self.phase

    @property
    def eventful(self) -> bool:
        """Whether there is something to do at this step beside noting its loss."""
        return self.sampled or self.step <= 2 or self.step & (self.step - 1) == 0 or self.phase is Phase.EVALUATION

    @property
    def milestone(self) -> bool:
        """Whether the step is one of the first or a power of two: what changes seldom is looked at then."""
        return self.step <= 2 or self.step & (self.step - 1) == 0

    def backward(self, *, cleared: bool) -> bool:
        """A backward pass begins.

        Args:
            cleared: Whether the gradients of the pass before it are gone, and were not used.

        Returns:
            Whether it is the first of its step.
        """
        first = self.phase is not Phase.BACKWARD or cleared
        if self.closure and cleared and self.phase is Phase.BACKWARD:
            self.phase = Phase.REPEATED
            self.plain = False
        if self.phase is not Phase.REPEATED:
            self.phase = Phase.BACKWARD
        return first

    def closes(self) -> None:
        """An optimizer's step begins that will call a closure."""
        self.closure = True
        self.phase = Phase.FORWARD

    def updated(self, updates: int = 1) -> None:
        """The update is made, or several that nothing came between."""
        self.step += updates
        self.closure = False
        if self.phase is not Phase.ENDED:
            self.phase = Phase.FORWARD

    def evaluates(self) -> None:
        """An evaluation begins."""
        self._before, self.phase = self.phase, Phase.EVALUATION

    def trains(self) -> None:
        """It is over."""
        self.phase = self._before
