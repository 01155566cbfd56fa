"""Does the next number of a sequence stand where the output that is to foretell it can see it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.extra_pass import runs_program_code
from unstuck.observe.autograd.positions import between, by_position, keeping_positions, statistics_over_positions
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.tensors.distributed import alone
from unstuck.record import facts

__all__ = ["Ahead", "number_reach", "positions_ahead"]

FARTHEST = 4
"""Positions that targets lie ahead at most."""

FEWEST_POSITIONS = 8

AXES = 3
"""Of what a layer makes of sequences: examples, positions and features."""

MOST_FEATURES = 64
"""Numbers of a position among which the one is looked for that is asked."""


Blocked = Sequence[tuple[Any, tuple[int, ...]]]


class Ahead(NamedTuple):
    """Where the targets of a sequence stand in it.

    Attributes:
        axis: The axis of positions, of the target without axes of length one.
        length: Positions.
        offset: The target of position t is the input at t + offset.
        compared: Numbers that were compared for that.
    """

    axis: int
    length: int
    offset: int
    compared: int


def positions_ahead(target: Tensor, source: Tensor) -> Ahead | None:
    """Where the targets are the numbers of the input some positions further on; None where they are not.

    Nor where the last ones are the first ones of the input: what is turned around holds nothing that is to be foretold,
    such as a wave on a ring, a step of time later.

    Args:
        target: Numbers, one or several for each position of each example.
        source: Numbers, the same or more for each position.

    Examples:
        >>> series = torch.arange(48.0).square().reshape(4, 12)
        >>> positions_ahead(series[:, 1:], series[:, :-1])
        Ahead(axis=1, length=11, offset=1, compared=40)
        >>> positions_ahead(series[:, :-1], series[:, 1:])
    """
    wanted, given = target.detach().squeeze(), source.detach().squeeze()
    if not wanted.is_floating_point() or wanted.dim() < 2:
        return None
    for one in _of_its_shape(wanted, given):
        for axis in range(wanted.dim() - 1, 0 if wanted.dim() == 2 else -1, -1):
            length = wanted.shape[axis]
            if length < FEWEST_POSITIONS:
                continue
            for offset in range(1, min(FARTHEST, length // FEWEST_POSITIONS) + 1):
                kept = length - offset
                before, ahead = wanted.narrow(axis, 0, kept), one.narrow(axis, offset, kept)
                if torch.equal(before, ahead) and not torch.equal(before, one.narrow(axis, 0, kept)):
                    around = torch.equal(wanted.narrow(axis, kept, offset), one.narrow(axis, 0, offset))
                    return None if around else Ahead(axis, length, offset, before.numel())
    return None


def _of_its_shape(wanted: Tensor, given: Tensor) -> list[Tensor]:
    """The input, or each of its features, as far as it has the shape of the target."""
    if given.shape == wanted.shape:
        return [given]
    if given.dim() != wanted.dim() + 1:
        return []
    features = (axis for axis in (given.dim() - 1, 1) if given.shape[:axis] + given.shape[axis + 1 :] == wanted.shape)
    axis = next(features, None)
    return [] if axis is None or given.shape[axis] > MOST_FEATURES else list(given.unbind(axis))


def number_reach(
    call: LossCall, ahead: Ahead, first: Tensor, *, step: int, place: tuple[str | None, int | None]
) -> facts.SequenceReach | None:
    """How much the output in the middle depends on the numbers behind it, by one extra backward pass.

    Args:
        call: The loss.
        ahead: Where its targets stand in the input.
        first: What the model's first layer has made of the input, in the graph of the output.
        step: Updates made before.
        place: The user's file and line that call the loss.
    """
    axes = [axis for axis, count in enumerate(first.shape) if count == ahead.length]
    output, shape = call.output, call.target.squeeze().shape
    if len(axes) != 1 or first.dim() != AXES or output.squeeze().shape != shape or not alone():
        return None
    graph = between(output, first)
    if runs_program_code(output) or any(_is_users(node) or _normalises(node, ahead.length) for node in graph):
        return None
    middle, weights = ahead.length // 2, torch.zeros(shape, dtype=output.dtype, device=output.device)
    asked = weights.select(ahead.axis, middle)
    # Weights that differ, for a norm would cancel equal ones.
    asked += torch.arange(asked.numel(), device=asked.device).cos().view(asked.shape)
    weights, features = weights.view(output.shape), AXES - 1 if axes[0] < AXES - 1 else 1

    def squares(blocked: Blocked = ()) -> Tensor | None:
        """What the outputs depend on, by position."""
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            norms = by_position(output, first, weights, blocked, axis=features)
        if norms is None:
            return None
        left = [axis for axis in range(AXES) if axis != features]
        return norms.double().square().sum(dim=1 - left.index(axes[0]))

    whole = squares()
    if whole is None or not whole.any():
        return None
    total, behind = float(whole.sum()), slice(middle + 1, None)
    examples = first.numel() // ahead.length // first.shape[features]
    given = _as_given(output)
    blocked = [pair for pair in keeping_positions(graph, examples, {ahead.length}) if pair[0] not in given]
    apart = squares(blocked) if whole[behind].any() else None

    def share(of: Tensor | None, positions: slice) -> float:
        return 0.0 if of is None else (float(of[positions].sum()) / total) ** 0.5

    return facts.SequenceReach(
        step=step,
        length=ahead.length,
        offset=ahead.offset,
        positions=ahead.compared,
        earlier=share(whole, slice(middle)),
        own=share(whole, slice(middle, middle + 1)),
        answer=share(whole, slice(middle + ahead.offset, middle + ahead.offset + 1)),
        later=share(whole, behind),
        direct=share(apart, behind),
        statistics=statistics_over_positions(graph),
        each=True,
        numbers=True,
        file=place[0],
        line=place[1],
    )


def _as_given(output: Tensor) -> set[Any]:
    """The last layer of a graph, and what only views its result: with one number a position, it looks like a vector."""
    found, node = set[Any](), output.grad_fn
    while node is not None and node not in found and math.prod(result_shape(node)) == output.numel():
        found.add(node)
        below = [successor for successor, _ in node.next_functions if successor is not None]
        node = below[0] if len(below) == 1 else None
    return found


def _normalises(node: Any, length: int) -> bool:
    """Whether a node is of a layer norm over the positions, by which each output depends on all of them."""
    shape: tuple[int, ...] = getattr(node, "_saved_normalized_shape", ())
    return length in shape


def _is_users(node: Any) -> bool:
    """Whether a node is of an autograd function that is not PyTorch's own."""
    function = getattr(type(node), "_forward_cls", None)
    return function is not None and not function.__module__.startswith("torch.")
