"""In which mode the modules are that behave differently in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any, Literal

import torch
from torch import nn

from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.user_code.module_tree import own_parameters
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["MODES_EVERY_STEP_UNTIL", "ModesOfModules", "modes_of"]

_BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]
_Dropout = nn.modules.dropout._DropoutNd  # pyright: ignore[reportPrivateUsage]


DROPPING = (_Dropout, nn.RNNBase, nn.MultiheadAttention)
"""Modules that may drop values in training mode."""

MODES_EVERY_STEP_UNTIL = 50

MOST_COMPARED = 4
"""Batch norms whose statistics are looked at: what was forgotten for one was forgotten for all."""


class ModesOfModules:
    """Note the modes of the modules, when they differ from what was noted before.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: list[facts.Modes] = []
        self._known: dict[str, facts.Modes] = {}
        self._looked: dict[tuple[str, bool], int] = {}

    def forward(self, phase: Literal["training", "evaluation"]) -> None:
        """Look, in training at each of the first steps and then at some."""
        step = self._view.updates
        if step > MODES_EVERY_STEP_UNTIL and step & 15 and phase == "training":
            return
        training = all(map(attrgetter("training"), self._view.roots))
        if self._looked.get((phase, training)) == step:
            return
        self._looked[phase, training] = step
        modes = modes_of(self._view.roots.modules(), step=step, phase=phase, model_training=training)
        known = self._known.get(phase)
        if modes is not None and (known is None or replace(known, step=step) != modes):
            self._known[phase] = modes
            self._new.append(modes)

    def facts(self) -> Iterator[facts.Modes]:
        """What is new."""
        new, self._new = self._new, []
        yield from new


def modes_of(
    modules: Iterable[nn.Module], *, step: int, phase: Literal["training", "evaluation"], model_training: bool = True
) -> facts.Modes | None:
    """Count modes; None where no module behaves differently."""
    norms = {True: 0, False: 0}
    dropouts = {True: 0, False: 0}
    frozen = unmoved = half_loaded = 0
    for module in modules:
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            norms[module.training] += 1
            parameters = [parameter for _, parameter in own_parameters(module)]
            still = not module.training and bool(parameters) and not any(p.requires_grad for p in parameters)
            made = not module.training and norms[False] <= MOST_COMPARED and _unmoved(module)
            frozen += still
            unmoved += made
            half_loaded += still and made and _has_learnt(module)
        elif isinstance(module, DROPPING) and _drops(module):
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
        half_loaded_norms=half_loaded,
        model_training=model_training,
    )


def _drops(module: nn.Module) -> bool:
    """Whether a module drops values in training mode; a recurrent one between its layers alone."""
    if isinstance(module, nn.RNNBase):
        return module.dropout > 0 and module.num_layers > 1
    return bool(getattr(module, "p", 0) or getattr(module, "dropout", 0))


@torch.no_grad()
def _unmoved(norm: Any) -> bool:
    """Whether running statistics are mean 0 and variance 1, as they were made; of those that are sharded, our part."""
    if norm.running_mean is None or norm.running_var is None:
        return False
    mean, variance = values_here(norm.running_mean), values_here(norm.running_var)
    if mean is None or variance is None:
        return False
    return not bool((mean != 0).any() | (variance != 1).any())


@torch.no_grad()
def _has_learnt(norm: Any) -> bool:
    """Whether the bias is not the 0 that all initialisations give it."""
    bias = None if norm.bias is None else values_here(norm.bias)
    return bias is not None and bool((bias != 0).any())
