"""What an evaluation is used for: whether classes are predicted from its outputs, and of how many examples."""

from __future__ import annotations

from torch import Tensor

from unstuck.observe.collectors.seen_examples import signatures
from unstuck.observe.collectors.target_codes import Pairs, partners
from unstuck.record import facts

__all__ = ["PredictionProbe"]


MOST_PAIRS = 2_000
"""Predictions of an evaluation that are compared with labels."""


class PredictionProbe:
    """Count the examples that one place of the program evaluates between two updates, and the classes predicted.

    Examples:
        >>> import torch
        >>> probe, images = PredictionProbe(), torch.randn(4, 9)
        >>> for image in images:
        ...     probe.enter(image[None])
        ...     probe.predict(torch.tensor([2]))
        >>> found = probe.fact(step=100, trained=0)
        >>> found.examples, found.distinct, found.predicted
        (4, 4, 4)
    """

    def __init__(self) -> None:
        self.examples = self.predicted = 0
        self._known: set[float] = set()
        self._pairs = Pairs()

    def enter(self, batch: Tensor) -> None:
        """Take a batch that enters the model."""
        numbers = signatures(batch)
        if numbers is not None:
            self.examples += len(numbers)
            self._known.update(numbers)

    def predict(self, classes: Tensor) -> None:
        """Take the most likely classes of outputs."""
        self.predicted += classes.numel()

    def compare(self, classes: Tensor, labels: Tensor) -> None:
        """Take classes beside the labels that they are compared with."""
        if classes.shape == labels.shape and not labels.is_floating_point() and self._pairs.total() < MOST_PAIRS:
            self._pairs.update(zip(classes.reshape(-1).tolist(), labels.reshape(-1).tolist(), strict=True))

    def met(self, trained: set[float]) -> int:
        """How many of the examples are among those of the training."""
        return len(self._known & trained)

    def fact(self, *, step: int, trained: int) -> facts.Predictions:
        """What was counted.

        Args:
            step: Updates made before.
            trained: How many of the examples training has met.
        """
        compared, of_each = self._pairs.total(), partners(self._pairs)
        return facts.Predictions(
            step=step,
            examples=self.examples,
            distinct=len(self._known),
            trained=trained,
            predicted=self.predicted,
            compared=compared,
            explained=of_each.total() / max(1, compared),
            renamed=sum(count for (one, other), count in of_each.items() if one != other) / max(1, compared),
        )
