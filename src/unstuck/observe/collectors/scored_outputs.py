"""Which outputs of a loss belong to which positions of a sequence of ids, and where in it their targets stand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.target_offsets import OF_CLASSES, agreement, left_out
from unstuck.record.facts import OFFSETS

__all__ = ["Scored", "scored_outputs"]

NEARLY = 0.9
"""Share of the targets that stand in the input at an offset: tokens may be left out or replaced by noise."""

FEWEST = 16
"""Targets below which the offset is chance."""

MOST_OUTPUTS = 256
"""Numbers of an example's only output."""


@dataclass(frozen=True)
class Scored:
    """One output of each example, to be differentiated.

    Attributes:
        weights: Shape of the loss's outputs: zero but at these.
        turned: Whether the ids have positions first.
        examples: Number of examples.
        length: Number of positions.
        kept: Number of those that the loss was given.
        chosen: The position of each example's output; None where an example has one only.
        offset: Where the target of a position stands in the input; None where it does not, or at several places.
        shift: The same; 1 where that is one of several, as of sequences of one id.
        positions: Targets that were compared for that.
        agreed: Greatest share of the targets that stand in the input at one offset.
        targets: Targets by example and position of the loss; None where an example has one output.
        counted: Which of them the loss does not leave out by their id.
        front: Positions left out at the front.
    """

    weights: Tensor
    turned: bool
    examples: int
    length: int
    kept: int
    chosen: Tensor | None = None
    offset: int | None = None
    shift: int = 0
    positions: int = 0
    agreed: float = 0.0
    targets: Tensor | None = None
    counted: Tensor | None = None
    front: int = 0

    def rows(self, values: Tensor) -> Tensor:
        """What was found of each id, with examples first."""
        return values.T if self.turned else values

    def columns(self, values: Tensor) -> Tensor:
        """What was found of each output of the loss, with examples first, shape (examples, kept)."""
        return values.reshape(self.kept, self.examples).T if self.turned else values.reshape(self.examples, self.kept)


def scored_outputs(call: LossCall, one: Embedded) -> Scored | None:
    """Find one output for each example; None where outputs do not belong to the sequence.

    Args:
        call: The call of the loss.
        one: The sequence.
    """
    layouts = (_by_position(call, one, turned=turned) for turned in (False, True))
    found = [scored for scored in layouts if scored is not None]
    placed = [scored for scored in found if scored.offset is not None]
    return next(iter(placed or found), None) or _by_example(call, one)


def _pattern(output: Tensor, axis: int) -> Tensor:
    """Weights that differ by class: the sum is the same whatever goes in, where a norm or a softmax comes last."""
    count = output.shape[axis]
    shape = [count if at == axis % output.dim() else 1 for at in range(output.dim())]
    return torch.arange(count, device=output.device).cos().to(output.dtype).view(shape)


def _by_position(call: LossCall, one: Embedded, *, turned: bool) -> Scored | None:
    output, target = call.output, call.target
    if call.function not in OF_CLASSES or target.is_floating_point() or output.dim() != target.dim() + 1:
        return None
    dropped = left_out(output)
    ids = one.ids.T if turned else one.ids
    examples, length = ids.shape
    if dropped is None or target.device != ids.device:
        return None
    counts = agreement(ids, target, dropped, first=turned, ignored=call.ignored)
    if counts is None:
        return None
    places, positions, agreed = _offsets(counts)
    offset = places[0] if len(places) == 1 else None
    kept = length - sum(dropped)
    targets = target.detach().reshape(kept, examples).T if turned else target.detach().reshape(examples, kept)
    counted = (targets >= 0) & (targets != call.ignored)
    inside = torch.arange(kept, device=ids.device) + dropped[0] + max(offset or 0, 0) < length
    asked = counted & inside
    if one.padding is not None:
        padding = one.padding.T if turned else one.padding
        asked = asked & ~padding[:, dropped[0] : dropped[0] + kept]
    middle = asked & (asked.cumsum(dim=1) == (asked.sum(dim=1, keepdim=True) + 1) // 2)
    if not bool(middle.any()):
        return None
    mask = (middle.T if turned else middle).reshape(target.shape).unsqueeze(1)
    return Scored(
        weights=mask * _pattern(output, 1),
        turned=turned,
        examples=examples,
        length=length,
        kept=kept,
        chosen=middle.long().argmax(dim=1) + dropped[0],
        offset=offset,
        shift=1 if 1 in places else offset or 0,
        positions=positions,
        agreed=agreed,
        targets=targets,
        counted=counted,
        front=dropped[0],
    )


def _offsets(counts: Tensor) -> tuple[list[int], int, float]:
    """The offsets at which the targets stand in the input, how many were compared, and how many agree where most do."""
    agree, compared = counts.tolist()
    share = max(hits / of if of >= FEWEST else 0.0 for hits, of in zip(agree, compared, strict=True))
    there = [
        (offset, int(of))
        for offset, hits, of in zip(OFFSETS, agree, compared, strict=True)
        if of >= FEWEST and hits >= of * (NEARLY if offset else 1.0)
    ]
    return [offset for offset, _ in there], there[0][1] if len(there) == 1 else int(max(compared)), share


def _by_example(call: LossCall, one: Embedded) -> Scored | None:
    """Where an example has one output, shape (examples, numbers) or (examples,)."""
    output = call.output
    numbers = output.numel() // max(1, len(output)) if output.dim() else 0
    if not 1 <= output.dim() <= 2 or not 1 <= numbers <= MOST_OUTPUTS or not output.is_floating_point():
        return None
    turned = one.ids.shape[0] != len(output)
    examples, length = one.ids.shape[::-1] if turned else one.ids.shape
    if examples != len(output) or len(call.target) != examples or min(examples, length) < 2:
        return None
    pattern = _pattern(output, -1) if output.dim() > 1 else torch.ones_like(output)
    weights = pattern.expand_as(output).contiguous().detach()
    return Scored(weights=weights, turned=turned, examples=examples, length=length, kept=length)
