"""In which mode the modules are that behave differently in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from torch import nn

from unstuck.record import facts

__all__ = ["modes_of"]

_BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]
_Dropout = nn.modules.dropout._DropoutNd  # pyright: ignore[reportPrivateUsage]


def modes_of(
    modules: Iterable[nn.Module], *, step: int, phase: Literal["training", "evaluation"]
) -> facts.Modes | None:
    """Count modes; None where no module behaves differently."""
    norms = {True: 0, False: 0}
    dropouts = {True: 0, False: 0}
    frozen = 0
    for module in modules:
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            norms[module.training] += 1
            parameters = list(module.parameters(recurse=False))
            frozen += not module.training and bool(parameters) and not any(p.requires_grad for p in parameters)
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
    )
