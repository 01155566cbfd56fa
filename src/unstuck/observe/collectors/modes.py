"""In which mode the modules are that behave differently in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn

from unstuck.observe.tensors.distributed import values_here
from unstuck.record import facts

__all__ = ["modes_of"]

_BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]
_Dropout = nn.modules.dropout._DropoutNd  # pyright: ignore[reportPrivateUsage]


MOST_COMPARED = 4
"""Batch norms whose statistics are looked at: what was forgotten for one was forgotten for all."""


def modes_of(
    modules: Iterable[nn.Module], *, step: int, phase: Literal["training", "evaluation"], model_training: bool = True
) -> facts.Modes | None:
    """Count modes; None where no module behaves differently."""
    norms = {True: 0, False: 0}
    dropouts = {True: 0, False: 0}
    frozen = unmoved = 0
    for module in modules:
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            norms[module.training] += 1
            parameters = list(module.parameters(recurse=False))
            frozen += not module.training and bool(parameters) and not any(p.requires_grad for p in parameters)
            unmoved += not module.training and norms[False] <= MOST_COMPARED and _unmoved(module)
        elif isinstance(module, _Dropout) and module.p > 0:
            dropouts[module.training] += 1
    if not sum(norms.values()) + sum(dropouts.values()):
        return None
    return facts.Modes(
        step=step,
        phase=phase,
        norms_training=norms[True],
        norms_evaluating=norms[False],
        dropouts_training=dropouts[True],
        dropouts_evaluating=dropouts[False],
        frozen_norms=frozen,
        unmoved_norms=unmoved,
        model_training=model_training,
    )


@torch.no_grad()
def _unmoved(norm: Any) -> bool:
    """Whether running statistics are mean 0 and variance 1, as they were made; of those that are sharded, our part."""
    if norm.running_mean is None or norm.running_var is None:
        return False
    mean, variance = values_here(norm.running_mean), values_here(norm.running_var)
    if mean is None or variance is None:
        return False
    return not bool((mean != 0).any() | (variance != 1).any())
