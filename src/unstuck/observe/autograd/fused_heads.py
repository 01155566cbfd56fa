"""Losses whose scores nobody sees: a function that takes states, a head and ids, and computes its product in chunks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import operation, saved, walk
from unstuck.observe.tensors.readable import is_readable

__all__ = ["FusedHead", "fused_head"]

NEAR = 48
"""Nodes from the loss within which such a function stands."""

MOST_SCORES = 1 << 22
"""Scores, one for each position and id, above which they are not computed."""


@dataclass(frozen=True)
class FusedHead:
    """What such a function was given.

    Attributes:
        scores: States times head, with their graph, shape (positions, ids).
        ids: The id asked for at each position.
        masks: What may have chosen the positions that count, each with one value for a position.
    """

    scores: Tensor
    ids: Tensor
    masks: tuple[Tensor, ...]


def fused_head(loss: Tensor) -> FusedHead | None:
    """The head in a function of the program's own near a loss; None where there is none that can be read.

    Args:
        loss: What the function's result became, before a backward pass frees its graph.
    """
    near = list(itertools.islice(walk(loss), NEAR))
    node = next((node for node in near if getattr(type(node), "_forward_cls", None) is not None), None)
    kept = [] if node is None else list(_kept(node))
    for states, head in itertools.permutations([tensor for tensor in kept if tensor.dim() == 2], 2):
        ids = next((one for one in kept if one.dtype == torch.int64 and one.shape == states.shape[:1]), None)
        fits = states.is_floating_point() and head.is_leaf and head.requires_grad and states.shape[1] == head.shape[1]
        if ids is None or not fits or not states.requires_grad or len(states) * len(head) > MOST_SCORES:
            continue
        offsets = [one for one in kept if one.dim() == 1 and one.shape == head.shape[:1] and one.is_leaf]
        with torch.enable_grad():
            scores = states @ head.to(states.dtype).T
            for offset in offsets:
                scores = scores + offset if offset.requires_grad else scores
        return FusedHead(scores, ids, tuple(_masks(near, len(ids))))
    return None


def _kept(node: Any) -> Iterator[Tensor]:
    """The tensors that a function of the program's own keeps, unless hooks unpack them."""
    try:
        raw = getattr(node, "_raw_saved_tensors", ())
        hooked = any(getattr(each, "unpack_hook", None) is not None for each in raw)
        tensors = () if hooked else node.saved_tensors
    except RuntimeError:  # freed, or changed in place since
        return
    yield from (tensor for tensor in tensors if isinstance(tensor, Tensor) and is_readable(tensor))


def _masks(near: list[Any], positions: int) -> Iterator[Tensor]:
    """All positions; those that a fill left alone; those that a factor kept."""
    for node in near:
        mask = saved(node, "_saved_mask") if operation(node) == "MaskedFill" else None
        if isinstance(mask, Tensor) and mask.numel() == positions:
            yield ~mask.flatten()
        factor = saved(node, "_saved_other") if operation(node) == "Mul" else None
        if isinstance(factor, Tensor) and factor.numel() == positions and not factor.requires_grad:
            yield factor.flatten() != 0
