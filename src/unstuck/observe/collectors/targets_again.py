"""Does a sequence of ids that comes again, in another batch or epoch, come with the target that it had before?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of
from unstuck.observe.collectors.seen_examples import signatures
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["TargetsAgain"]

MOST_EXAMPLES = 50_000
"""Sequences that are remembered."""

FEWEST_IDS = 2
"""Ids of a sequence: examples of one id are the tokens of a batch of one, each of which is followed by many others."""

SEVERAL = 3
"""Neighbours of different lengths, from which on a batch is not in order by chance."""


class TargetsAgain:
    """Remember the target of each sequence, where an example has one, and compare it when the sequence comes again.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[tuple[float, ...], float] = {}
        self._met = Counter[float]()
        self._again = self._same = 0
        self._lengths = Counter[bool]()
        self._place: tuple[str | None, int | None] = (None, None)
        self._step = -1

    def loss_of_ids(self, call: LossCall) -> None:
        """Take the first loss of a step, unless an example is more than its ids."""
        view, target = self._view, call.target
        if self._step == view.updates or len(self._known) >= MOST_EXAMPLES:
            return
        self._step = view.updates
        if target.requires_grad or not target.dim() or not is_readable(target):
            return
        if any(part.is_floating_point() for part in data_of(view.inputs)):
            return
        if call.output.dim() and any(call.output.shape[-1] == one.rows for one in view.embedded):
            return  # the next one of such ids, of which several may follow the same ones
        parts = {one.ids.data_ptr(): one for one in view.embedded}
        numbers = [_numbers(one, target.numel()) for one in parts.values()]
        if not all(numbers):
            return
        self._place = (call.site.file, call.site.line) if call.handwritten else user_place(1)
        self._note_order(view.embedded[0], target.numel())
        for example, asked in zip(zip(*numbers, strict=True), target.detach().reshape(-1).tolist(), strict=True):
            self._met[asked] += 1
            if example in self._known:
                self._again += 1
                self._same += asked == self._known[example]
            else:
                self._known[example] = asked

    def _note_order(self, one: Embedded, examples: int) -> None:
        """Count the batches whose sequences are sorted by their lengths, and those that are not."""
        if one.padding is None:
            return
        steps = (~_rows(one.padding, examples)).sum(dim=1).diff()
        if int((steps != 0).sum()) >= SEVERAL:
            self._lengths[bool((steps <= 0).all()) or bool((steps >= 0).all())] += 1

    def finish(self) -> Iterator[facts.TargetsAgain]:
        """What was found."""
        met = self._met.total()
        if self._again:
            yield facts.TargetsAgain(
                again=self._again,
                same=self._same / self._again,
                chance=sum((count / met) ** 2 for count in self._met.values()),
                by_length=self._lengths[True] / self._lengths.total() if self._lengths else 0.0,
                file=self._place[0],
                line=self._place[1],
            )


def _rows(values: Tensor, examples: int) -> Tensor:
    """The same with examples first."""
    return values.T if values.shape[0] != examples == values.shape[1] else values


def _numbers(one: Embedded, examples: int) -> list[float]:
    """One number for each example, equal for equal ones however far they are padded; none where they are others."""
    ids = _rows(one.ids, examples)
    if len(ids) != examples or ids.shape[1] < FEWEST_IDS:
        return []
    kept = ids + 1 if one.padding is None else (ids + 1).masked_fill(_rows(one.padding, examples), 0)
    return [number - ids.shape[1] for number in signatures(kept) or []]
