"""Count the forward and backward passes that a training makes for its updates, and those that go to waste."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unstuck.observe.collectors.alike_parameters import are_alike, are_small, joined, segment_sums
from unstuck.observe.tensors.readable import is_real, values_here
from unstuck.record import facts

__all__ = ["Passes"]

COUNTED_UPDATES = 50
"""Updates at the beginning, of which the passes are counted."""

ENDING_PASSES = 2
"""Backward passes that a program may make after its last update, for a look at the gradients."""


class Passes:
    """Passes before the first updates.

    Attributes:
        step: Updates made so far.
        reached: Backward passes that reached the parameters, all of them.
        several: Whether an update may take more than one pass: some did, or none was made yet.
    """

    def __init__(self) -> None:
        self.step = self.reached = 0
        self.several = True
        self._twice = False
        self._since_update = self._most = self._begun = self._latest = 0
        self._forward = self._backward = self._lost = self._used = 0
        self._norms: list[Tensor] = []

    @property
    def counting(self) -> bool:
        """Whether passes are counted still."""
        return self.step < COUNTED_UPDATES

    @property
    def single(self) -> bool:
        """Whether an update took one batch only, of those that were counted."""
        return self._forward <= 1.1 * COUNTED_UPDATES

    @property
    def batches(self) -> int:
        """Batches that an update took, on average over those that were counted."""
        return max(1, round(self._forward / max(1, min(self.step, COUNTED_UPDATES))))

    @property
    def usual(self) -> int:
        """Backward passes of the latest update that was seen; one where some went into no update."""
        return 1 if self._lost else max(self._latest, 1)

    def forward_begins(self) -> None:
        """A batch enters the model, in training."""
        self._forward += self.counting

    def backward_begins(self, parameters: Sequence[Tensor], *, cleared: bool) -> None:
        """A backward pass; ``cleared`` if what the one before has left in ``.grad`` is gone, and was not used."""
        if self.step == 0 and not self._norms:
            self._norms = _norms(parameters)
        self._lost += self.counting and cleared
        self.backward_taken()

    def backward_taken(self) -> None:
        """A backward pass of which no more may be told."""
        self._twice |= self._begun > 0
        self._begun += 1

    def backward_reached(self) -> None:
        """It has reached the parameters."""
        self.reached += 1
        self._since_update += 1
        self._backward += self.counting

    def updated(self, updates: int = 1, *, untold: int = 0) -> None:
        """Updates were made; of one whose backward passes were not told to have reached, those that began count.

        Args:
            updates: How many.
            untold: Backward passes that they took, where no hook was called for any of these.
        """
        self.reached += untold or (0 if self._since_update else max(updates, self._begun))
        self._latest = self._begun or self._latest
        self._begun, self.several = 0, self._twice
        self._most = max(self._most, self._since_update)
        self._since_update = 0
        self.step += updates

    @property
    def unstepped(self) -> bool:
        """Whether more passes were made since the latest update than for any before, of a training that goes on."""
        return self._since_update > self._most + ENDING_PASSES

    def unfollowed(self, parameters: Sequence[Tensor]) -> int:
        """Backward passes at the end that updates must have followed which were not seen: the weights did change."""
        return self._since_update if self.unstepped and not self._unmoved(parameters) else 0

    def _unmoved(self, parameters: Sequence[Tensor]) -> bool:
        return self.step == 0 and bool(self._norms) and all(map(torch.equal, self._norms, _norms(parameters)))

    def walked(self, uses: int) -> None:
        """A loss was made of so many forward passes."""
        self._used = max(self._used, uses)

    def fact(self, parameters: Sequence[Tensor]) -> facts.Passes:
        """What was counted."""
        return facts.Passes(
            updates=min(self.step, COUNTED_UPDATES),
            forward=self._forward,
            backward=self._backward,
            lost=self._lost,
            used=self._used,
            unmoved=self._unmoved(parameters),
        )


@torch.no_grad()
def _norms(parameters: Sequence[Tensor]) -> list[Tensor]:
    """A number for each parameter, or for what is here of it, which hardly any update leaves the same."""
    if parameters and are_alike(parameters) and are_small(list(map(Tensor.numel, parameters))):
        return [segment_sums(joined(parameters).double().square(), parameters)]
    wide = (values_here(p) for p in parameters if is_real(p) and p.element_size() > 1)
    here = [values for values in wide if values is not None and values.numel()]
    return list(torch._foreach_norm(here)) if here else []  # pyright: ignore[reportPrivateUsage]
