"""Norms of gradients, weights and updates, from the real change of the weights: they hold for every optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

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
    signals.GRADIENT_NONFINITE,
    signals.WEIGHT_NORM,
    signals.WEIGHT_NONFINITE,
    signals.UPDATE_NORM,
    signals.UPDATE_GRADIENT_COSINE,
)


@dataclass
class ParameterProbe:
    """Measure one step: :meth:`before` it, :meth:`after` it, then :meth:`decode` the numbers once they are fetched.

    Args:
        parameters: The parameter tensors, in the order of their names in the run.
    """

    parameters: Sequence[Tensor]
    _before: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    _sketch: Tensor | None = None
    _sketch_step: int = -1
    _carried: Tensor | None = None

    @torch.no_grad()
    def note_carried(self) -> None:
        """Note the norm of the gradients that are there before a step's first backward pass."""
        gradients = [_local(p.grad) for p in self.parameters if p.grad is not None and not p.grad.is_sparse]
        self._carried = _norm(gradients) if gradients else None

    @torch.no_grad()
    def carried_share(self) -> Tensor | None:
        """That norm over the norm of the gradients now, shape (); 0 where they were cleared; None without gradients."""
        carried, self._carried = self._carried, None
        gradients = [_local(p.grad) for p in self.parameters if p.grad is not None and not p.grad.is_sparse]
        if not gradients:
            return None
        norm = _norm(gradients)
        return torch.zeros_like(norm) if carried is None else carried / norm

    @torch.no_grad()
    def before(self) -> None:
        """Copy the weights that may change."""
        total = sum(p.numel() for p in self.parameters if p.requires_grad)
        stride = max(1, -(-total // SNAPSHOT_VALUES))
        self._before = {
            i: _spread(_local(p), stride).clone()
            for i, p in enumerate(self.parameters)
            if p.requires_grad and p.numel() and not p.is_sparse
        }

    @torch.no_grad()
    def after(self) -> list[Tensor]:
        """Measure gradients, weights and updates.

        Returns:
            One tensor of shape (8,) for each parameter, still on its device.
        """
        stride = max(1, -(-sum(p.numel() for p in self.parameters if p.requires_grad) // SNAPSHOT_VALUES))
        measured = [self._measure(i, parameter, stride) for i, parameter in enumerate(self.parameters)]
        self._before = {}
        return measured

    def _measure(self, position: int, parameter: Tensor, stride: int) -> Tensor:
        weights = _local(parameter)
        row = torch.full((len(_MEASURED),), torch.nan, device=weights.device)
        if not weights.numel():
            return row
        row[4] = torch.linalg.vector_norm(weights, dtype=_wide(weights))
        row[5] = weights.numel() - weights.isfinite().sum()
        gradient = None if parameter.grad is None else _local(parameter.grad)
        if gradient is not None:
            values = gradient.coalesce()._values() if gradient.is_sparse else gradient
            if values.numel():
                row[0] = torch.linalg.vector_norm(values, dtype=_wide(values))
                row[1] = values.abs().amax()
                row[2] = 1.0 - values.count_nonzero() / weights.numel()
                row[3] = values.numel() - values.isfinite().sum()
        old = self._before.get(position)
        if old is None:
            return row
        change = (_spread(weights, stride) - old).to(_wide(old))
        row[6] = torch.linalg.vector_norm(change) * (weights.numel() / change.numel()) ** 0.5
        if gradient is not None and not gradient.is_sparse:
            direction = _spread(gradient, stride).to(change.dtype)
            row[7] = _cosine(change, direction)
        return row

    @torch.no_grad()
    def gradient_cosine(self, step: int) -> Tensor | None:
        """Cosine between this step's whole gradient and that of the step before, from an evenly spread sketch.

        Args:
            step: Number of this step.

        Returns:
            A tensor of shape (1,), or None where the step before was not sketched, or the parameters changed.
        """
        gradients = [_local(p.grad) for p in self.parameters if p.grad is not None and not p.grad.is_sparse]
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

    def decode(self, numbers: Sequence[Sequence[float]]) -> dict[Signal, list[float]]:
        """Turn the fetched rows of :meth:`after` into one sample for each signal."""
        samples = {signal: [row[i] for row in numbers] for i, signal in enumerate(_MEASURED)}
        ratios = [
            update / weight if weight > 0 else float("nan")
            for update, weight in zip(samples[signals.UPDATE_NORM], samples[signals.WEIGHT_NORM], strict=True)
        ]
        return {**samples, signals.UPDATE_RATIO: ratios}


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """Norm over all values of all tensors, in float32, on the first one's device."""
    norms = [torch.linalg.vector_norm(tensor, dtype=_wide(tensor)).to(tensors[0].device).float() for tensor in tensors]
    return torch.linalg.vector_norm(torch.stack(norms))


def _local(tensor: Tensor) -> Tensor:
    """The values on this process, without autograd: the local shard of a distributed tensor."""
    tensor = tensor.detach()
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


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
