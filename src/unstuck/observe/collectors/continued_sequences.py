"""How long do sequences become that a model continues by one id a pass, as where it generates?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.inputs import tensors_of
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts

__all__ = ["ContinuedSequences"]

MOST_IDS = 65_536
"""Ids of a batch that are compared with those of the pass before."""

MOST_SEQUENCES = 4_096
"""Batches of sequences that are counted."""

AXES = 2


class ContinuedSequences:
    """Follow each input of a model that is, in one pass after the other, the same with one more id.

    Examples:
        >>> continued = ContinuedSequences()
        >>> for length in (3, 4, 5, 3, 3):
        ...     continued.take((torch.arange(length).unsqueeze(0),))
        >>> list(continued.finish())
        [Continued(lengths=(5,), sequences=(1,))]
    """

    def __init__(self) -> None:
        self._latest: dict[int, Tensor] = {}
        self._growing = set[int]()
        self._ended = Counter[int]()

    def take(self, inputs: tuple[Any, ...]) -> None:
        """Take what a pass without gradients is given."""
        for place, ids in enumerate(tensors_of(inputs)):
            if ids.dim() == AXES and not ids.is_floating_point() and ids.numel() <= MOST_IDS and is_readable(ids):
                self._take(place, ids.detach())

    def _take(self, place: int, ids: Tensor) -> None:
        before = self._latest.get(place)
        grown = before is not None and before.shape == (len(ids), ids.shape[1] - 1) and _equal(ids[:, :-1], before)
        if not grown:
            self._end(place)
        self._latest[place] = ids.clone()
        if grown:
            self._growing.add(place)

    def _end(self, place: int) -> None:
        before = self._latest.pop(place, None)
        if before is not None and place in self._growing and self._ended.total() < MOST_SEQUENCES:
            self._ended[before.shape[1]] += 1
        self._growing.discard(place)

    def finish(self) -> Iterator[facts.Continued]:
        """What was found."""
        for place in tuple(self._latest):
            self._end(place)
        if self._ended:
            lengths, sequences = zip(*sorted(self._ended.items()), strict=True)
            yield facts.Continued(lengths=lengths, sequences=sequences)


def _equal(ids: Tensor, others: Tensor) -> bool:
    return ids.device == others.device and ids.dtype == others.dtype and torch.equal(ids, others)
