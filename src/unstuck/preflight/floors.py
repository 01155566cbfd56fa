"""What a loss cannot fall below on given examples, whatever the model does."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils import _pytree as pytree

from unstuck.learning.guess import entropy
from unstuck.preflight.arrangement import main_output
from unstuck.preflight.families import declared_family, recognised

__all__ = ["Ends", "ends"]

SAME = 1e-5
"""Share of the largest output that two outputs of one input may differ by, from another order of summation."""


class Ends(NamedTuple):
    """Between what a training moves, in the unit of its loss.

    Attributes:
        least: The least loss that the targets allow.
        start: The loss of equal scores.
    """

    least: float
    start: float


def ends(declared: object, inputs: Any, outputs: Any, targets: Any, value: float, uniform: float) -> Ends | None:
    """The least loss that the targets allow, and that of knowing nothing; None where they are not known.

    Soft targets and label smoothing leave their entropy, and so do class ids that differ where inputs and outputs are
    the same, such as those of a model that sees one token at a time.

    Args:
        declared: The loss function as it was given.
        inputs: What the model got, without the targets.
        outputs: What it gave.
        targets: What it should have given.
        value: The loss.
        uniform: The loss of outputs that are all zero; NaN where it is not known.
    """
    scores = main_output(outputs)
    if scores is None or not isinstance(targets, Tensor) or not scores.ndim:
        return None
    family, factor = declared_family(declared, scores, targets), math.nan
    if family is None:
        found = recognised(scores, targets, value, uniform)
        if found is None:
            return None
        family, factor = found
    if math.isnan(factor):
        mean = float(family.each.double().mean())
        factor = value / mean if mean > 0.0 else 1.0
    conflicts = _conflicts(inputs, scores, targets) if "ln C" in family.formula else 0.0
    return Ends(factor * max(family.floor, conflicts), factor * family.start)


def _conflicts(inputs: Any, outputs: Tensor, targets: Tensor) -> float:
    """Mean entropy of the class ids of one input: by token where the model gives equal tokens equal outputs."""
    if targets.is_floating_point():
        return 0.0
    leaves = [leaf for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, Tensor)]
    if not leaves or any(len(leaf) != len(targets) for leaf in leaves if leaf.ndim):
        return 0.0
    by_token = targets.ndim > 1 and all(leaf.shape[: targets.ndim] == targets.shape for leaf in leaves)
    if targets.ndim > 1 and (not by_token or outputs.shape[:-1] != targets.shape):
        return 0.0
    ids = targets.reshape(-1).tolist()
    columns = [_rows(leaf, len(ids)) for leaf in leaves]
    size = float(outputs.abs().max())
    grid = (outputs.detach() / (SAME * size)).round() if size > 0.0 else outputs.detach()
    found: dict[tuple[bytes, ...], Counter[int]] = defaultdict(Counter)
    for key, label in zip(zip(*columns, _rows(grid, len(ids)), strict=True), ids, strict=True):
        found[key][label] += 1
    return sum(sum(c.values()) * entropy(tuple(map(float, c.values()))) for c in found.values()) / len(ids)


def _rows(leaf: Tensor, count: int) -> list[bytes]:
    # Adding zero makes the negative one positive.
    return [row.numpy().tobytes() for row in (leaf.detach().cpu().reshape(count, -1) + 0).contiguous()]
