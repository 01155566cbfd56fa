"""Norms of gradients, weights and updates, from the real change of the weights: they hold for every optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.collectors.optimizer_observations import Observing, observed_columns
from unstuck.observe.tensors.distributed import whole_here
from unstuck.record import signals
from unstuck.record.signals import Signal

__all__ = ["ParameterProbe"]

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


@dataclass
class ParameterProbe:
    """Measure one step: :meth:`before` it, :meth:`after` it, then :meth:`decode` the numbers once they are fetched.

    Args:
        parameters: The parameter tensors, in the order of their names in the run.
        held: Identities of those that the optimizer holds; None: all of them.
    """

    parameters: Sequence[Tensor]
    held: set[int] | None = None
    _before: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    _sketch: Tensor | None = None
    _sketch_step: int = -1
    _carried: Tensor | None = None
    _stride: int = 1
    _self_observing: bool = True

    @torch.no_grad()
    def note_carried(self) -> None:
        """Note the norm of the gradients that are there before a step's first backward pass."""
        gradients = self._held_gradients()
        self._carried = _norm(gradients) if gradients else None

    @torch.no_grad()
    def carried_share(self) -> Tensor | None:
        """That norm over the norm of the gradients now, shape (); 0 where they were cleared; None without gradients."""
        carried, self._carried = self._carried, None
        gradients = self._held_gradients()
        if not gradients:
            return None
        norm = _norm(gradients)
        return torch.zeros_like(norm) if carried is None else carried / norm

    def _held_gradients(self) -> list[Tensor]:
        """Gradients of what the optimizer holds; nobody may clear those of other parameters."""
        return _dense(p for p in self.parameters if self.held is None or id(p) in self.held)

    @torch.no_grad()
    def before(self, optimizer: Optimizer) -> None:
        """Copy the weights that may change, unless the optimizer measures its own updates.

        Args:
            optimizer: The optimizer that is about to step.
        """
        self._before = {}
        if self._self_observing and callable(getattr(optimizer, "observations", None)):
            return
        self._self_observing = False
        self._stride = max(1, -(-sum(p.numel() for p in self.parameters if p.requires_grad) // SNAPSHOT_VALUES))
        self._before = {
            id(p): _spread(values, self._stride).clone()
            for p in self.parameters
            if p.requires_grad and p.numel() and not p.is_sparse and (values := whole_here(p)) is not None
        }

    @torch.no_grad()
    def after(self, optimizer: Optimizer) -> list[Tensor]:
        """Measure gradients, weights and updates.

        Args:
            optimizer: The optimizer that has stepped.

        Returns:
            For each of the measured quantities one tensor of shape (parameters,), still on its device, NaN where a
            parameter does not have it; on the first parameter's device.
        """
        if self._self_observing and self.parameters:
            columns = observed_columns(cast("Observing", optimizer), self.parameters)
            if columns is not None:
                return columns
            self._self_observing = False  # its engine does not observe: copy the weights from the next sample on
        whole = {i: whole_here(p) for i, p in enumerate(self.parameters) if p.numel()}
        weights = {i: values for i, values in whole.items() if values is not None}
        dense = {i: g for i in weights if (g := _gradient(self.parameters[i])) is not None}
        gradients = {i: _values(gradient) for i, gradient in dense.items()}
        olds = {i: self._before[id(p)] for i, p in enumerate(self.parameters) if id(p) in self._before}
        changes = {i: _spread(weights[i], self._stride) - old for i, old in olds.items()}
        cosines = {
            i: _cosine(change.to(_wide(change)), _spread(dense[i], self._stride).to(_wide(change)))
            for i, change in changes.items()
            if i in dense and not dense[i].is_sparse
        }
        scales = {i: (weights[i].numel() / change.numel()) ** 0.5 for i, change in changes.items()}
        update_norms = {i: norm * scales[i] for i, norm in _norms(changes).items()}
        zeros = {i: 1.0 - g.count_nonzero() / weights[i].numel() for i, g in gradients.items()}
        self._before = {}
        columns = (_norms(gradients), _norms(gradients, order=torch.inf), zeros, _norms(weights), update_norms, cosines)
        return [self._column(column) for column in columns] if self.parameters else []

    def _column(self, values: dict[int, Tensor]) -> Tensor:
        """One number for each parameter, NaN where there is none, on one device."""
        device = self.parameters[0].device
        missing = torch.full((), torch.nan, device=device)
        numbers = [values.get(i, missing).to(device).float() for i in range(len(self.parameters))]
        return torch.stack([number.real if number.is_complex() else number for number in numbers])

    @torch.no_grad()
    def gradient_cosine(self, step: int) -> Tensor | None:
        """Cosine between this step's whole gradient and that of the step before, from an evenly spread sketch.

        Args:
            step: Number of this step.

        Returns:
            A tensor of shape (1,), or None where the step before was not sketched, or the parameters changed.
        """
        gradients = _dense(self.parameters)
        if not gradients:
            return None
        stride = max(1, -(-sum(g.numel() for g in gradients) // SKETCH_VALUES))
        device = gradients[0].device
        sketch = torch.cat([_spread(g, stride).float().to(device, non_blocking=True) for g in gradients])
        previous, seen = self._sketch, self._sketch_step
        self._sketch, self._sketch_step = sketch, step
        if previous is None or seen != step - 1 or previous.shape != sketch.shape:
            return None
        return _cosine(previous, sketch).reshape(1)

    def decode(self, numbers: Sequence[list[float]]) -> dict[Signal, list[float]]:
        """Turn the fetched columns of :meth:`after` into one sample for each signal."""
        samples = dict(zip(_MEASURED, numbers, strict=False))
        if not samples:
            return samples
        weights, gradients = samples[signals.WEIGHT_NORM], samples[signals.GRADIENT_NORM]
        samples[signals.UPDATE_RATIO] = [
            update / weight if weight > 0 else math.nan
            for update, weight in zip(samples[signals.UPDATE_NORM], weights, strict=True)
        ]
        # A norm is finite where every value is: only otherwise are the values counted, one by one.
        samples[signals.GRADIENT_NONFINITE] = [
            0.0 if math.isfinite(norm) else _nonfinite(_gradient(p))
            for p, norm in zip(self.parameters, gradients, strict=True)
        ]
        samples[signals.WEIGHT_NONFINITE] = [
            0.0 if math.isfinite(norm) else _nonfinite(whole_here(p))
            for p, norm in zip(self.parameters, weights, strict=True)
        ]
        return samples


def _dense(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The gradients of parameters that are dense, and whole on this process."""
    gradients = [gradient for p in parameters if (gradient := _gradient(p)) is not None]
    return [gradient for gradient in gradients if not gradient.is_sparse]


def _gradient(parameter: Tensor) -> Tensor | None:
    """The gradient of a parameter; None where there is none, or this process does not hold all of it."""
    return None if parameter.grad is None else whole_here(parameter.grad)


def _values(gradient: Tensor) -> Tensor:
    """The values of a gradient, of a sparse one those that are stored."""
    return gradient.coalesce()._values() if gradient.is_sparse else gradient


def _nonfinite(tensor: Tensor | None) -> float:
    return math.nan if tensor is None else float((~_values(tensor).isfinite()).sum())


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
    device = tensors[0].device
    norms = [norm.to(device).float() for norm in _norms(dict(enumerate(tensors))).values()]
    return torch.linalg.vector_norm(torch.stack(norms))


def _spread(tensor: Tensor, stride: int) -> Tensor:
    return tensor.reshape(-1)[::stride]


def _wide(tensor: Tensor) -> torch.dtype:
    """The precision to reduce in: half precisions overflow."""
    if tensor.is_complex():
        return tensor.dtype
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between two flat tensors; NaN where one of them is zero."""
    if a.is_complex():
        a, b = torch.view_as_real(a).reshape(-1), torch.view_as_real(b).reshape(-1)
    return torch.dot(a, b) / (torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b))
