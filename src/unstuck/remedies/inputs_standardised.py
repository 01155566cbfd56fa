"""Inputs standardised on the fly."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]

from unstuck.observe.torch_hooks.aside import Aside
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, outermost
from unstuck.remedies.remedy import Remedy

__all__ = ["InputsStandardised"]

BATCHES = 8
"""Batches from which the statistics are taken, fewer where these hold enough examples."""

ENOUGH = 512

MOST = 10.0
"""Standard deviations beyond which a value is cut off: a feature that hardly varies at first may vary later."""

FIRST_LAYERS = (nn.Linear, nn.Bilinear, _ConvNd, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
"""Layers with weights, of which the first ones are given the data."""

OFF = 3.0
"""Size of a feature above which, or one over it below which, standardising is worth a trial where no finding asks."""


class InputsStandardised(Remedy):
    r"""Give the first layers each feature with mean 0 and standard deviation 1.

    .. math:: x' = (x - m) / s

    Changes: floating-point arguments without a graph of the layers with weights that are given some in training, in
    evaluations too; with ``at="model"``, or of a model with none of PyTorch's such layers, those of the model itself,
    which may join them to what it has learnt before a layer sees them. m and s are those of each
    channel of images and each last axis elsewhere, over the first 8 batches. It undoes a scaling that was made twice as
    well as one that was left out.

    Applies: where the inputs of the model are numbers.

    Proves: inputs that are not scaled, or scaled twice.
    """

    name = "inputs-standardised"
    proves = ("inputs-not-scaled",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """At the first layers, then at the model, where features are of another size than 1."""
        named = finding is not None and finding.cause in self.proves
        numbers = [fact for fact in run.facts(facts.Inputs) if fact.kind_of != "ids" and fact.feature_stds]
        worth = any(_far_from_one(fact) for fact in numbers)
        if not (numbers and (named or worth)):
            return ()
        return (Change(remedy=self.name), Change(remedy=self.name, settings={"at": "model"}))

    def words(self, change: Change, run: Run) -> str:
        """``"with the inputs standardised"``."""
        return f"with the inputs {'of the model ' if change.settings else ''}standardised"

    def obstacle(self, run: Run) -> str | None:
        """There must be a module, and no compiled code."""
        model = run.fact(facts.Model)
        if model is not None and not model.type:
            return "the script has no module that inputs enter"
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Standardise what enters."""
        scales: dict[int, list[_Scale]] = {}
        at_model = "at" in change.settings

        def standardise(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            first = isinstance(module, FIRST_LAYERS) and not at_model
            if not first and not (outermost(module) and (at_model or _has_none_of_these(module))):
                return run(*args, **kwargs)
            entering = [value for value in args if _is_data(value)][: 1 if first else None]
            if not entering or (torch.is_grad_enabled() and any(value.requires_grad for value in entering)):
                return run(*args, **kwargs)
            known = scales.get(id(module))
            if known is None and not torch.is_grad_enabled():
                return run(*args, **kwargs)  # an evaluation before the training, or of hidden values
            known = scales.setdefault(id(module), [_Scale(module) for _ in entering])
            scaled = {id(value): scale(value) for value, scale in zip(entering, known, strict=False)}
            effects.happened(self.name)
            return run(*(scaled.get(id(value), value) for value in args), **kwargs)

        with around_modules(standardise):
            yield


def _far_from_one(fact: facts.Inputs) -> bool:
    sizes = [(mean * mean + std * std) ** 0.5 for mean, std in zip(fact.feature_means, fact.feature_stds, strict=True)]
    used = [size for size in sizes if size > 0.0]
    return bool(used) and (max(used) > OFF or max(used) < 1.0 / OFF)


def _has_none_of_these(model: nn.Module) -> bool:
    return not any(isinstance(module, FIRST_LAYERS) for module in model.modules())


def _is_data(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 0


class _Scale:
    """Mean and deviation of the features of one argument, over the first batches."""

    def __init__(self, module: nn.Module) -> None:
        self._channels_at = -module.weight.dim() + 1 if isinstance(module, _ConvNd) else -1
        self._batches = 0
        self._count = 0
        self._sum: Tensor | None = None
        self._squares: Tensor | None = None

    def __call__(self, values: Tensor) -> Tensor:
        axis, learning = values.dim() + self._channels_at, torch.is_grad_enabled()
        with Aside():
            if learning and self._gathers():
                self._gather(values, axis)
            mean, deviation = self._statistics()
        shape = [1] * values.dim()
        shape[axis] = -1
        standard = (values - mean.reshape(shape).to(values.dtype)) / deviation.reshape(shape).to(values.dtype)
        return standard.clamp(-MOST, MOST)

    def _gathers(self) -> bool:
        return self._batches < BATCHES and (self._count < ENOUGH or not self._batches)

    def _gather(self, values: Tensor, axis: int) -> None:
        others = [other for other in range(values.dim()) if other != axis]
        wide = values.detach().double()
        total, squares = (wide.sum(others), wide.square().sum(others)) if others else (wide, wide.square())
        self._sum = total if self._sum is None else self._sum + total
        self._squares = squares if self._squares is None else self._squares + squares
        self._count += values.numel() // values.shape[axis]
        self._batches += 1

    def _statistics(self) -> tuple[Tensor, Tensor]:
        assert self._sum is not None
        assert self._squares is not None
        mean = self._sum / self._count
        deviation = (self._squares / self._count - mean.square()).clamp(min=0.0).sqrt()
        # A feature that does not vary by more than rounding is left at zero.
        varies = deviation > 1e-6 * (mean.abs() + deviation)
        return mean, torch.where(varies, deviation, torch.ones_like(deviation))
