"""Are most targets of a model of masked tokens the ids that stand in its input, so that copying is most of its loss?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.scored_outputs import Scored

__all__ = ["copied_targets"]

FEWEST = 16
"""Targets that are not in the input, of fewer nothing is said."""

MOST = 256
"""Targets of each kind whose loss is computed."""

NEARLY = 0.7
"""Share of them that are hidden by one id; BERT hides 8 of 9 by it, and exchanges one for another token."""


def copied_targets(call: LossCall, scored: Scored, ids: Tensor, scores: Tensor) -> dict[str, Any]:
    """How many of the targets that count stand at their place in the input, and what hides the others.

    Args:
        call: The loss.
        scored: Its outputs, and the sequence that they belong to.
        ids: The ids of the sequence, shape (examples, positions of the loss).
        scores: Which targets the loss scores, in the same shape.

    Returns:
        Fields of :class:`~unstuck.record.facts.ScoredPositions`; none unless one id, which is no target, hides the
        others.
    """
    targets = scored.targets
    if targets is None or targets.shape != ids.shape:
        return {}
    same = (targets == ids) & scores
    others = scores & ~same
    if int(others.sum()) < FEWEST or not bool(same.any()):
        return {}
    given, counts = ids[others].unique(return_counts=True)
    mask = given[counts.argmax()]
    if int(counts.max()) < NEARLY * int(others.sum()) or bool((targets[scores] == mask).any()):
        return {}
    hidden = others & (ids == mask)
    return {
        "copied": float(same.sum() / scores.sum()),
        "hidden_by": int(mask),
        "loss_copied": _loss(call, scored, same),
        "loss_hidden": _loss(call, scored, hidden),
    }


def _loss(call: LossCall, scored: Scored, chosen: Tensor) -> float:
    """The mean cross-entropy of some of the chosen targets, the same from logits and from their logarithms."""
    assert scored.targets is not None
    count = scored.targets.numel()
    at = scored.columns(torch.arange(count, device=chosen.device))[chosen][:MOST]
    outputs = call.output.detach().movedim(1, -1).reshape(count, -1)[at].double()
    wanted = call.target.detach().reshape(-1)[at].unsqueeze(1)
    return float((outputs.logsumexp(dim=1) - outputs.gather(1, wanted).squeeze(1)).mean())
