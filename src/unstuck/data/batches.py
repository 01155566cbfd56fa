"""Batches straight from memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from unstuck.data.dataset import Part
from unstuck.errors import ArgumentError

__all__ = ["Batches"]

GATHERED = 8192  #: examples brought into order at a time: batches are then views, and memory stays bounded


class Batches:
    """The examples of a part in batches, in a new order at each pass.

    The order comes from a generator of its own: it neither reads nor changes the global random state, so that the same
    seed gives the same batches whatever the model draws. Batches are views of one gathered copy, so that a batch costs
    less than a microsecond an example.

    The last batch holds what is left over. One example left over joins the batch before it, because batch
    normalisation has no variance over a single example.

    Args:
        part: The examples.
        batch_size: Examples a batch, or ``"all"``.
        shuffle: ``"each pass"`` or ``"never"``, which is what evaluation wants.
        seed: Seed of the order.

    Raises:
        ArgumentError: The batch size is no positive whole number, or larger than the part.

    Examples:
        >>> part = Part(torch.arange(10.0).reshape(10, 1), torch.arange(10))
        >>> batches = Batches(part, 4, shuffle="never")
        >>> [targets.tolist() for inputs, targets in batches]
        [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        >>> len(batches)
        3
    """

    def __init__(
        self,
        part: Part,
        batch_size: int | Literal["all"],
        *,
        shuffle: Literal["each pass", "never"] = "each pass",
        seed: int = 0,
    ) -> None:
        size = len(part) if batch_size == "all" else batch_size
        if type(size) is not int or (size < 1 and batch_size != "all"):
            raise ArgumentError(f'batch_size={batch_size!r}: a whole number from 1, or "all", is accepted')
        if size > len(part):
            raise ArgumentError(
                f"batch_size={batch_size!r}: larger than the {len(part)} examples to draw from; "
                f'give at most {len(part)}, or "all"'
            )
        self.part = part
        self._sizes = _sizes(len(part), size)
        self._together = max(GATHERED // max(size, 1), 1)
        self._shuffle = shuffle
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        """Batches of a pass."""
        return len(self._sizes)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        inputs, targets = self.part.inputs, self.part.targets
        if self._shuffle == "never":
            yield from zip(inputs.split(self._sizes), targets.split(self._sizes), strict=True)
            return
        order = torch.randperm(len(self.part), generator=self._generator).to(inputs.device)
        start = 0
        for first in range(0, len(self._sizes), self._together):
            sizes = self._sizes[first : first + self._together]
            rows = order[start : start + sum(sizes)]
            start += len(rows)
            gathered = (values.index_select(0, rows).split(sizes) for values in (inputs, targets))
            yield from zip(*gathered, strict=True)


def _sizes(examples: int, size: int) -> list[int]:
    if not examples:
        return []
    full, left_over = divmod(examples, size)
    if left_over == 1 and size > 1:
        return [size] * (full - 1) + [size + 1]
    return [size] * full + [left_over] * (left_over > 0)
