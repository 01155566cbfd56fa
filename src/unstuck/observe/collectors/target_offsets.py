"""At which offset the target of a position is the input itself: at one, where the next token is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import result_shape, signed
from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of
from unstuck.observe.collectors.targets import IGNORED
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.observe.user_code.module_tree import parameters
from unstuck.record import facts
from unstuck.record.facts import OFFSETS
from unstuck.record.signals import Signal

__all__ = ["OF_CLASSES", "TargetOffsets", "agreement", "left_out"]

MOST_STEPS = 8
"""Sampled steps in which positions are compared."""

MOST_LOSSES = 8
"""Losses of a step that are told apart."""

MOST_IDS = 65_536
"""Ids of a batch that are compared, those of its first examples."""

OF_CLASSES = frozenset({"cross_entropy", "nll_loss"})
KEEPS_POSITIONS = TRANSPARENT - {"Index"} | {"Div", "LogSoftmax", "Mul"}
AXES = 2
ONE_HOT_AXES = 3


class TargetOffsets:
    """Compare the targets of models of sequences of ids with the inputs some positions before and behind.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._losses: dict[int, _Counted] = {}
        self._calls = 0

    def begin(self) -> None:
        """A sampled step begins."""
        self._calls = 0

    def loss(self, call: LossCall) -> None:
        """Take a batch with its targets."""
        number, self._calls = self._calls, self._calls + 1
        known = self._losses.get(number)
        if call.function not in OF_CLASSES or number >= MOST_LOSSES or (known and known.steps >= MOST_STEPS):
            return
        view, target = self._view, call.target
        if view.again or target.is_floating_point() or not is_readable(target):
            return
        dropped = left_out(call.output)
        if dropped is None:
            return
        if known is None:
            place = (call.site.file, call.site.line) if call.handwritten else user_place(1)
            known = self._losses[number] = _Counted(place, dropped)
        known.steps += 1
        for place, ids in enumerate(_sequences(view)):
            for axis in range(AXES):
                known.add(
                    (place, axis),
                    agreement(ids if axis else ids.T, target, dropped, first=not axis, ignored=call.ignored),
                )

    def finish(self) -> Iterator[facts.TargetOffset]:
        """What each loss asks for, the first one first."""
        for counted in self._losses.values():
            fact = counted.fact()
            if fact is not None:
                yield fact


@dataclass
class _Counted:
    """Positions of one loss that were compared, and those that agreed, by what they were compared with."""

    place: tuple[str | None, int | None]
    dropped: tuple[int, int]
    steps: int = 0
    _counts: dict[tuple[int, int], Tensor] = field(default_factory=dict[tuple[int, int], Tensor])

    def add(self, compared: tuple[int, int], counts: Tensor | None) -> None:
        if counts is not None:
            known = self._counts.get(compared)
            self._counts[compared] = counts if known is None else known.to(counts.device) + counts

    def fact(self) -> facts.TargetOffset | None:
        """The comparison in which most agrees at some offset."""
        best: facts.TargetOffset | None = None
        for counts in self._counts.values():
            agree, positions = counts.tolist()
            shares = tuple(hits / max(1.0, of) for hits, of in zip(agree, positions, strict=True))
            if best is None or max(shares) > max(best.shares):
                seen, (file, line) = int(positions[shares.index(max(shares))]), self.place
                best = facts.TargetOffset(
                    shares=shares, positions=seen, dropped=sum(self.dropped), file=file, line=line
                )
        return best


def left_out(output: Tensor) -> tuple[int, int] | None:
    """Positions of a model's output that were left out before a loss: at the front, and at the back.

    Returns:
        Both numbers; None where some were picked in another way than by slices.

    Examples:
        >>> logits = torch.zeros(4, 9, 5, requires_grad=True) * 2
        >>> left_out(logits[:, :-1].reshape(-1, 5)), left_out(logits[:, 2:].transpose(1, 2))
        ((0, 1), (2, 0))
        >>> left_out(logits[logits[..., 0] > 0]) is None
        True
    """
    front = back = 0
    node: Any = output.grad_fn
    while node is not None and node.next_functions and operation(node) in KEEPS_POSITIONS:
        successor, number = next(((one, at) for one, at in node.next_functions if one is not None), (None, 0))
        if operation(node) == "Slice":
            before, after = result_shape(successor, number), result_shape(node)
            if len(before) != len(after) or signed(getattr(node, "_saved_step", 1)) != 1:
                return None
            axis = signed(node._saved_dim) % len(before)
            start = signed(getattr(node, "_saved_start", 0) or 0)
            start = min(start + before[axis] if start < 0 else start, before[axis])
            front, back = front + start, back + before[axis] - after[axis] - start
        node = successor
    picked = node is not None and operation(node) in ("Gather", "Index", "IndexSelect", "MaskedSelect")
    return None if picked else (front, back)


def _sequences(view: View) -> list[Tensor]:
    """The ids that the model was given, two axes each; within its pass, those that its modules with weights were."""
    inner = [part for module, given in view.inner if any(True for _ in parameters(module)) for part in data_of(given)]
    given = [*data_of(view.inputs), *inner] if view.ended else inner
    return [ids for part in given if (ids := _ids(part)) is not None and min(ids.shape) > 0]


def _ids(part: Tensor) -> Tensor | None:
    """A batch of ids, or of one-hot vectors as ids; None where it is neither."""
    if part.dim() == AXES and not part.is_floating_point() and part.dtype != torch.bool and not part.is_complex():
        return part
    if part.dim() != ONE_HOT_AXES or part.shape[-1] < AXES or part.is_complex() or part.numel() > MOST_IDS * 64:
        return None
    one_hot = bool((part.amax(dim=-1) == 1).all()) and bool((part != 0).sum(dim=-1).eq(1).all())
    return part.argmax(dim=-1) if one_hot else None


def agreement(
    ids: Tensor, target: Tensor, dropped: tuple[int, int], *, first: bool, ignored: int = IGNORED
) -> Tensor | None:
    """How many targets are the input at each of the offsets, of how many; None where their lengths do not agree.

    Args:
        ids: Shape (examples, positions).
        target: The same less what was left out, or flattened; where positions come ``first``, transposed.
        dropped: Positions left out at the front and at the back.
        first: Whether positions are the first axis of targets.
        ignored: The id that the loss leaves out.
    """
    front, back = dropped
    examples, length = ids.shape
    kept = length - front - back
    if kept < AXES or target.numel() != examples * kept or target.device != ids.device:
        return None
    shape = (kept, examples) if first else (examples, kept)
    if target.dim() != 1 and tuple(target.shape) != shape:
        return None
    asked = target.detach().reshape(shape)
    asked = (asked.T if first else asked)[: max(1, MOST_IDS // length)]
    given = ids[: len(asked)]
    counts: list[Tensor] = []
    for offset in OFFSETS:
        low = max(0, -front - offset)
        high = max(low, min(kept, length - front - offset))
        wanted, there = asked[:, low:high], given[:, front + offset + low : front + offset + high]
        counted = (wanted >= 0) & (wanted != ignored)  # what a loss leaves out has a negative id, or one of its own
        counts.append(torch.stack([((wanted == there) & counted).sum(), counted.sum()]))
    return torch.stack(counts, dim=1).double()
