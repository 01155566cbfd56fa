"""Dropout and batch norm in the mode that they should have."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument, temporarily, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.dropout import DROPOUTS
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, calls
from unstuck.remedies.remedy import Remedy

__all__ = ["Modes"]

MODAL = (_BatchNorm, _DropoutNd, nn.RNNBase, nn.MultiheadAttention)
"""Layers that compute differently in training and in evaluation."""

USUAL = 0.1
"""Momentum of a batch norm's running statistics, where the script's lets them stand still."""


class Modes(Remedy):
    """Run each layer in training mode while gradients are on, and in evaluation mode while they are off.

    Changes: in the phases that are named, for the length of each call, ``training`` of batch norms, dropouts, recurrent
    layers and attention; dropout functions that are called while gradients are off drop nothing; running statistics
    that stand still move by 0.1.
    Batch norms whose own weights are frozen stay as they are.

    Applies: where layers were seen in another mode, or a function drops values in evaluations.

    Proves: dropout or batch norm in the wrong mode.
    """

    name = "modes"
    proves = ("mode-wrong",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, for the phases in which a layer was in the other mode."""
        wrong = {modes.phase for modes in run.facts(facts.Modes) if _wrong(modes)}
        wrong |= {"evaluation"} if run.knows(facts.FunctionalDropout) else set()
        if not wrong and finding is not None and finding.cause in self.proves:
            wrong = {"training", "evaluation"}
        return (Change(remedy=self.name, settings=dict.fromkeys(sorted(wrong), True)),) if wrong else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with dropout and batch norm in training mode for training"``."""
        modes = {"training": "in training mode for training", "evaluation": "in evaluation mode for evaluations"}
        return (
            f"with dropout and batch norm {' and '.join(modes[phase] for phase in modes if phase in change.settings)}"
        )

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Set the mode for each call."""

        def concerned() -> bool:
            return bool(change.settings.get("training" if torch.is_grad_enabled() else "evaluation"))

        def layer(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not isinstance(module, MODAL) or _frozen(module) or not concerned():
                return run(*args, **kwargs)
            wanted: dict[str, Any] = {"training": torch.is_grad_enabled()}
            if isinstance(module, _BatchNorm) and module.momentum == 0.0:
                wanted["momentum"] = USUAL
            if all(getattr(module, name) == value for name, value in wanted.items()):
                return run(*args, **kwargs)
            effects.happened(self.name)
            with temporarily(module, **wanted):
                return run(*args, **kwargs)

        def dropped(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if torch.is_grad_enabled() or not concerned():
                return run(*args, **kwargs)
            if argument(args, kwargs, 2, "training", True):
                effects.happened(self.name)
            return argument(args, kwargs, 0, "input")

        def attention(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not torch.is_grad_enabled() and concerned() and argument(args, kwargs, 4, "dropout_p", 0.0):
                effects.happened(self.name)
                args, kwargs = with_argument(args, kwargs, 4, "dropout_p", 0.0)
            return run(*args, **kwargs)

        exchanges: dict[Any, Any] = dict.fromkeys(DROPOUTS, dropped)
        exchanges[F.scaled_dot_product_attention] = attention
        with calls(exchanges), around_modules(layer):
            yield


def _frozen(module: nn.Module) -> bool:
    own = list(module.parameters(recurse=False))
    return isinstance(module, _BatchNorm) and bool(own) and not any(parameter.requires_grad for parameter in own)


def _wrong(modes: facts.Modes) -> bool:
    evaluating = modes.dropouts_evaluating + modes.norms_evaluating - modes.frozen_norms
    return (evaluating if modes.phase == "training" else modes.dropouts_training + modes.norms_training) > 0
