"""In which mode the modules are that behave differently in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any, Literal

from torch import nn

from unstuck.observe.collectors.copied_norms import MOST_COMPARED, BatchNorm, CopiedNorms, has_learnt, is_unmoved
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.events import held_parameters
from unstuck.observe.user_code.module_tree import own_parameters, parameters
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["MODES_EVERY_STEP_UNTIL", "ModesOfModules", "modes_of"]

_Dropout = nn.modules.dropout._DropoutNd  # pyright: ignore[reportPrivateUsage]


DROPPING = (_Dropout, nn.RNNBase, nn.MultiheadAttention)
"""Modules that may drop values in training mode."""

MODES_EVERY_STEP_UNTIL = 50


class ModesOfModules:
    """Note the modes of the modules, when they differ from what was noted before.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: list[facts.Fact] = []
        self._copies = CopiedNorms()
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

    def copy(self, module: nn.Module) -> None:
        """A module of the class of a root, which is none and that nobody trains, is evaluated."""
        if module.training or module in self._view.roots:
            return
        if held_parameters().isdisjoint(map(id, parameters(module))):
            stale = self._copies.evaluated(module, step=self._view.updates)
            if stale is not None:
                self._new.append(stale)

    def facts(self) -> Iterator[facts.Fact]:
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
        if isinstance(module, BatchNorm) and module.track_running_stats:
            norms[module.training] += 1
            parameters = [parameter for _, parameter in own_parameters(module)]
            still = not module.training and bool(parameters) and not any(p.requires_grad for p in parameters)
            made = not module.training and norms[False] <= MOST_COMPARED and is_unmoved(module)
            frozen += still
            unmoved += made
            half_loaded += still and made and has_learnt(module)
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
