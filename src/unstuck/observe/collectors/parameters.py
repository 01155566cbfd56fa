"""Norms of gradients, weights and updates, from the real change of the weights: they hold for every optimizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.collectors.alike_parameters import AlikeUpdate, are_alike
from unstuck.observe.collectors.optimizer_observations import Observing, observed_columns
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.distributed import is_distributed, is_sharded, values_here
from unstuck.observe.tensors.readable import is_readable, is_real
from unstuck.record import signals
from unstuck.record.signals import Signal

__all__ = ["Parameters"]

SNAPSHOT_VALUES = 4_000_000
"""Weights copied to measure an update (16 MB in float32); of a larger model, an evenly spread part of each tensor."""

SKETCH_VALUES = 65_536
"""Gradient values kept to compare the directions of successive gradients."""

_MEASURED: tuple[Signal, ...] = (
    signals.GRADIENT_NORM,
    signals.GRADIENT_MAX,
    signals.GRADIENT_ZEROS,
    signals.WEIGHT_NORM,
    signals.UPDATE_NORM,
    signals.UPDATE_GRADIENT_COSINE,
)
_DERIVED: tuple[Signal, ...] = (signals.UPDATE_RATIO, signals.GRADIENT_NONFINITE, signals.WEIGHT_NONFINITE)


class Parameters:
    """Measure one update: before it, and after it.

    Args:
        view: What is known of the step.
    """

    measures = (*_MEASURED, *_DERIVED, signals.GRADIENT_COSINE, signals.GRADIENT_CARRIED)
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._before: dict[int, Tensor] = {}
        self._sketch: Tensor | None = None
        self._sketch_step = -1
        self._carried: Tensor | None = None
        self._stride = 1
        self._self_observing = True

    def before_backward(self, first: bool) -> None:
        """Note the norm of the gradients that are there before a step's first backward pass."""
        if first:
            gradients = self._dense(held=True)
            self._carried = _norm(gradients) if gradients else None

    def _carried_share(self) -> Tensor | None:
        """That norm over the norm of the gradients now, shape (); 0 where they were cleared; None without gradients."""
        carried, self._carried = self._carried, None
        gradients = self._dense(held=True)
        if not gradients:
            return None
        if carried is None:
            return torch.zeros((), device=gradients[0].device)
        return carried / _norm(gradients)

    def before_update(self, optimizer: Optimizer) -> None:
        """Copy the weights that may change, unless the optimizer measures its own updates."""
        self._before = {}
        if self._self_observing and callable(getattr(optimizer, "observations", None)):
            return
        self._self_observing = False
        changing = values = [p for p in self._view.parameters if p.requires_grad]
        if not are_alike(changing):
            changing = [p for p in changing if _measurable(p)]
            values = [values_here(p) for p in changing]
        stride = self._stride = max(1, -(-sum(map(Tensor.numel, changing)) // SNAPSHOT_VALUES))
        copies = [value.detach().reshape(-1)[::stride].clone() for value in values]
        self._before = dict(zip(map(id, changing), copies, strict=True))

    def update(self, optimizer: Optimizer) -> Measurement | None:
        """Measure gradients, weights and updates, and how this gradient compares with the one before."""
        columns = self._observed(optimizer)
        alike = self._alike() if columns is None else None
        if columns is None:
            columns = self._columns() if alike is None else alike.tensors
        self._before = {}
        scalars: dict[Signal, Tensor] = {}
        cosine, carried = self._gradient_cosine(), self._carried_share()
        if cosine is not None:
            scalars[signals.GRADIENT_COSINE] = cosine
        if carried is not None:
            scalars[signals.GRADIENT_CARRIED] = carried

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            rest = {signal: value[0] for signal, value in zip(scalars, numbers[len(columns) :], strict=True)}
            own = numbers[: len(columns)]
            return {**self._decode(own if alike is None else alike.columns(*own)), **rest}

        return Measurement([*columns, *scalars.values()], decode)

    def _observed(self, optimizer: Optimizer) -> list[Tensor] | None:
        """What an optimizer has measured itself; None where it did not."""
        if not self._self_observing or not self._view.parameters:
            return None
        columns = observed_columns(cast("Observing", optimizer), self._view.parameters)
        # Where its engine does not observe, the weights are copied from the next sample on.
        self._self_observing = columns is not None
        return columns

    def _alike(self) -> AlikeUpdate | None:
        """The update of parameters that are alike, and their gradients too; None of others."""
        parameters, gradient = self._view.parameters, self._view.gradient
        gradients = {i: g.detach() for i, p in enumerate(parameters) if (g := gradient(p)) is not None}
        if not parameters or not are_alike(parameters, gradients.values()):
            return None
        weights = [parameter.detach() for parameter in parameters]
        olds = {i: old for i, p in enumerate(parameters) if (old := self._before.get(id(p))) is not None}
        return AlikeUpdate.measure(weights, gradients, olds, self._stride)

    def _columns(self) -> list[Tensor]:
        """For each of the measured quantities one tensor of shape (parameters,), on the first parameter's device.

        It is still there, and NaN where a parameter does not have the quantity.
        """
        parameters = self._view.parameters
        weights = {i: values_here(p) for i, p in enumerate(parameters) if _measurable(p)}
        own = {i: self._view.gradient(parameters[i]) for i in weights}
        gradients = {i: _values(g) for i, g in own.items() if g is not None}
        olds = {i: self._before[id(parameters[i])] for i in weights if id(parameters[i]) in self._before}
        changes = {i: _spread(weights[i], self._stride) - old for i, old in olds.items()}
        cosines = {
            i: _cosine(change.to(_wide(change)), _spread(values_here(gradient), self._stride).to(_wide(change)))
            for i, change in changes.items()
            if (gradient := own[i]) is not None and not gradient.is_sparse
        }
        scales = {i: (weights[i].numel() / change.numel()) ** 0.5 for i, change in changes.items()}
        update_norms = {i: norm * scales[i] for i, norm in _norms(changes).items()}
        zeros = {i: 1.0 - g.count_nonzero() / weights[i].numel() for i, g in gradients.items()}
        columns = (_norms(gradients), _norms(gradients, order=torch.inf), zeros, _norms(weights), update_norms, cosines)
        return [self._column(column) for column in columns] if parameters else []

    def _column(self, values: dict[int, Tensor]) -> Tensor:
        """One number for each parameter, NaN where there is none, on one device."""
        parameters = self._view.parameters
        device = next((parameter.device for parameter in parameters if _measurable(parameter)), None)
        missing = torch.full((), torch.nan, device=device)
        numbers = [values.get(i, missing) for i in range(len(parameters))]
        if device is not None and not all(n.dtype is torch.float32 and n.device == device for n in numbers):
            numbers = [number.real if number.is_complex() else number for number in numbers]
            numbers = [number.to(device).float() for number in numbers]
        return torch.stack(numbers)

    def _gradient_cosine(self) -> Tensor | None:
        """Cosine between this step's whole gradient and that of the step before, from an evenly spread sketch.

        None where the step before was not sketched, or the parameters changed.
        """
        gradients = self._dense()
        if not gradients:
            return None
        step = self._view.step
        stride = max(1, -(-sum(map(Tensor.numel, gradients)) // SKETCH_VALUES))
        device = gradients[0].device
        if are_alike(gradients):
            sketch = torch.cat([gradient.reshape(-1)[::stride] for gradient in gradients])
        else:
            sketch = torch.cat([_spread(_real(g), stride).float().to(device, non_blocking=True) for g in gradients])
        previous, seen = self._sketch, self._sketch_step
        self._sketch, self._sketch_step = sketch, step
        if previous is None or seen != step - 1 or previous.shape != sketch.shape:
            return None
        return _cosine(previous, sketch).reshape(1)

    def _decode(self, numbers: Sequence[list[float]]) -> dict[Signal, Any]:
        samples: dict[Signal, Any] = dict(zip(_MEASURED, numbers, strict=False))
        if not samples:
            return samples
        weights, gradients = samples[signals.WEIGHT_NORM], samples[signals.GRADIENT_NORM]
        samples[signals.UPDATE_RATIO] = [
            update / weight if weight > 0 else math.nan
            for update, weight in zip(samples[signals.UPDATE_NORM], weights, strict=True)
        ]
        # A norm is finite where every value is: only otherwise are the values counted, one by one.
        samples[signals.GRADIENT_NONFINITE] = [
            math.nan if math.isnan(norm) and self._unknown(p) else 0.0 if math.isfinite(norm) else self._nonfinite(p)
            for p, norm in zip(self._view.parameters, gradients, strict=True)
        ]
        samples[signals.WEIGHT_NONFINITE] = [
            0.0 if math.isfinite(norm) else _nonfinite(p) if _measurable(p) else math.nan
            for p, norm in zip(self._view.parameters, weights, strict=True)
        ]
        return samples

    def _unknown(self, parameter: Tensor) -> bool:
        return not _measurable(parameter) or self._view.gradient(parameter) is None

    def _nonfinite(self, parameter: Tensor) -> float:
        gradient = self._view.gradient(parameter)
        return math.nan if gradient is None else _nonfinite(gradient)

    def _dense(self, *, held: bool = False) -> list[Tensor]:
        """The gradients of parameters that are dense, and whole on this process.

        Or those of what the optimizer holds alone, since nobody may clear others.
        """
        gradient, own = self._view.gradient, self._view.roots.held
        gradients: list[Tensor] = []
        for parameter in self._view.parameters:
            if not held or id(parameter) in own:
                value = gradient(parameter)
                if value is not None:
                    gradients.append(value.detach())
        if are_alike(gradients):
            return gradients
        return [
            values_here(gradient)
            for gradient in gradients
            if not gradient.is_sparse and not is_sharded(gradient) and gradient.numel()
        ]


def _measurable(parameter: Tensor) -> bool:
    """Whether a parameter's values are numbers that can be read in this process."""
    if is_sharded(parameter) or not is_real(parameter) or parameter.element_size() < 2 or not parameter.numel():
        return False  # of eight bits nothing is computed, they are for storing
    return is_readable(parameter) or is_distributed(parameter)


def _values(gradient: Tensor) -> Tensor:
    """The values of a gradient, of a sparse one those that are stored."""
    gradient = values_here(gradient)
    return gradient.coalesce()._values() if gradient.is_sparse else gradient


def _nonfinite(tensor: Tensor) -> float:
    values = _values(tensor)
    return float((~values.isfinite()).sum()) if values.numel() else math.nan


def _norms(tensors: dict[int, Tensor], *, order: float = 2.0) -> dict[int, Tensor]:
    """The norm of each tensor, in a wide type: in one call where the tensors are alike, as they mostly are."""
    known = {i: tensor for i, tensor in tensors.items() if tensor.numel()}
    alike = {(tensor.dtype, tensor.device) for tensor in known.values()}
    if len(alike) == 1 and next(iter(alike))[0] == torch.float32:
        norms = torch._foreach_norm(list(known.values()), order)  # pyright: ignore[reportPrivateUsage]
        return dict(zip(known, norms, strict=True))
    return {i: torch.linalg.vector_norm(tensor, order, dtype=_wide(tensor)) for i, tensor in known.items()}


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """Norm over all values of all tensors, in float32, on the first one's device."""
    if are_alike(tensors):
        norms = torch._foreach_norm(list(tensors))  # pyright: ignore[reportPrivateUsage]
        return torch.linalg.vector_norm(torch.stack(norms))
    device = tensors[0].device
    norms = [norm.to(device).float() for norm in _norms(dict(enumerate(tensors))).values()]
    return torch.linalg.vector_norm(torch.stack(norms))


def _spread(tensor: Tensor, stride: int) -> Tensor:
    return tensor.reshape(-1)[::stride]


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def _wide(tensor: Tensor) -> torch.dtype:
    """The precision to reduce in: half precisions overflow."""
    if tensor.is_complex():
        return tensor.dtype
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between two flat tensors; NaN where one of them is zero."""
    if a.is_complex():
        a, b = _real(a).reshape(-1), _real(b).reshape(-1)
    return torch.dot(a, b) / (torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b))
