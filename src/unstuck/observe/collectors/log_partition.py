"""The log-partition of the output: what a softmax divides by, which drifts where nothing holds the logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.graph import producer
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.readable import whole_here
from unstuck.record import signals

__all__ = ["LogPartition", "log_partition"]

VALUES = 262_144
"""Logits that are looked at: some positions of all classes."""

FEWEST_ROWS = 4

FEWEST_CLASSES = 32
"""Of fewer classes the logits are seen one by one, as outputs of the layer that gives them."""

MOST_CALLS = 8
"""Logarithms of a softmax in one step, one of which the loss is given."""


class LogPartition:
    """Measure the logits of the step's first cross-entropy.

    Args:
        view: What is known of the step.
    """

    measures = (signals.LOG_PARTITION,)
    functions = frozenset[Any]({functional.log_softmax, torch.log_softmax, Tensor.log_softmax})

    def __init__(self, view: View) -> None:
        self._view = view
        self._found: Tensor | None = None
        self._divided: list[tuple[Any, Tensor]] = []

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Note what a softmax whose logarithm is taken divides by: what is subtracted from each logit."""
        del function
        logits, axis = args[0] if args else kwargs.get("input"), kwargs.get("dim", args[1] if len(args) > 1 else None)
        if not isinstance(logits, Tensor) or not isinstance(output, Tensor) or not isinstance(axis, int):
            return
        if logits.shape[axis] < FEWEST_CLASSES:
            return
        self._begin()
        before, after = whole_here(logits), whole_here(output)
        node = producer(output)
        if before is None or after is None or node is None or not before.numel() or len(self._divided) >= MOST_CALLS:
            return
        self._divided.append((node, (before.select(axis, 0).float() - after.select(axis, 0).float()).mean()))

    def loss(self, call: LossCall) -> None:
        """Take the logits of a cross-entropy."""
        logits = call.output
        classes = logits.shape[min(1, logits.dim() - 1)] if logits.dim() else 1
        if classes < FEWEST_CLASSES or call.function not in ("nll_loss", "cross_entropy"):
            return
        self._begin()
        if self._found is not None:
            return
        if call.function == "nll_loss":
            node = producer(logits)
            self._found = next((found for known, found in self._divided if known is node), None)
        elif (here := whole_here(logits)) is not None and here.numel():
            self._found = log_partition(here)

    def _begin(self) -> None:
        """Forget what an earlier step has shown."""
        if self._view.owe(self, self.measure):
            self._found = None
            self._divided.clear()

    def measure(self, optimizer: object) -> Measurement | None:
        """The mean over the positions."""
        del optimizer
        found, self._found = self._found, None
        self._divided.clear()
        return None if found is None else Measurement([found], lambda numbers: {signals.LOG_PARTITION: numbers[0][0]})


def log_partition(logits: Tensor) -> Tensor:
    r"""The mean log-partition of some positions, evenly spread.

    .. math:: \frac 1 n \sum_i \ln \sum_c \exp z_{ic}

    Args:
        logits: Shape (N, C, ...) or (C,), as ``cross_entropy`` takes them.

    Examples:
        >>> log_partition(torch.zeros(5, 8)).exp()
        tensor(8.0000)
    """
    rows = logits.movedim(1, -1).reshape(-1, logits.shape[1]) if logits.dim() > 1 else logits[None]
    most = max(FEWEST_ROWS, VALUES // rows.shape[1])
    return torch.logsumexp(rows[:: -(-len(rows) // most)].float(), dim=-1).mean()
