"""Norms of gradients, weights and updates, from the real change of the weights: they hold for every optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

import torch
from torch import Tensor

from unstuck.observe.collectors.alike_parameters import AlikeUpdate, are_alike, are_small, joined
from unstuck.observe.collectors.lost_updates import lost_shares
from unstuck.observe.collectors.optimizer_observations import Observing, observed_columns
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.readable import as_real, is_real, whole_here, wide_type
from unstuck.record import signals
from unstuck.record.signals import Signal

__all__ = ["Parameters"]

SNAPSHOT_VALUES = 4_000_000
"""Weights copied to measure an update (16 MB in float32); of a larger model, an evenly spread part of each tensor."""

GRAD: Callable[[Tensor], Tensor | None] = attrgetter("grad")

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

    measures = (
        *(*_MEASURED, *_DERIVED, signals.GRADIENT_COSINE, signals.GRADIENT_CARRIED),
        *(signals.UPDATE_LOST, signals.UPDATE_LOST_OF),
    )
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._before: dict[int, Tensor] = {}
        self._joined: Tensor | None = None
        self._alike = False
        self._sketch: Tensor | None = None
        self._sketch_step = -1
        self._carried: Tensor | None = None
        self._lost: tuple[Tensor, dict[int, Tensor]] | None = None
        self._stride = 1
        self._self_observing = True

    def before_backward(self, first: bool) -> None:
        """Note the norm of the gradients that are there before a step's first backward pass."""
        if first:
            self._carried, self._alike = None, False
            # What lies in .grad also where a program makes its updates itself: they may be of another gradient.
            if set(map(GRAD, self._view.parameters)) != {None}:  # as a rule they were cleared
                gradients, alike = self._gradients(GRAD)
                carried = self._clearable(gradients)
                self._carried = _norm(carried, alike=alike) if carried else None

    def before_update(self, optimizer: object) -> None:
        """Copy the weights that may change, unless the optimizer measures its own updates."""
        self._before, self._joined = {}, None
        if self._self_observing and callable(getattr(optimizer, "observations", None)):
            return
        self._self_observing = False
        learnt = [p for p in self._view.parameters if p.requires_grad]
        alike = are_alike(learnt)
        self._alike = alike and len(learnt) == len(self._view.parameters)
        values = learnt if alike else map(_weights, learnt)
        changing = {id(p): value for p, value in zip(learnt, values, strict=True) if value is not None}
        sizes = list(map(Tensor.numel, changing.values()))
        stride = self._stride = max(1, -(-sum(sizes) // SNAPSHOT_VALUES))
        if not (alike and stride == 1 and learnt):
            self._before = {key: value.detach().reshape(-1)[::stride].clone() for key, value in changing.items()}
        elif len(learnt) == len(self._view.parameters) and are_small(sizes):
            self._joined = joined(learnt)
        else:
            self._before = dict(zip(changing, joined(learnt).split(sizes), strict=True))

    def update(self, optimizer: object) -> Measurement | None:
        """Measure gradients, weights and updates, and how this gradient compares with the one before."""
        gradients, alike = self._gradients(self._view.gradient)
        given = list(gradients.values())
        whole = alike and given and sum(map(Tensor.numel, given)) <= SNAPSHOT_VALUES
        flat = joined(given) if whole else None
        columns, together = self._observed(optimizer), None
        if columns is None and alike:
            together = self._together(gradients, flat)
            columns = together.tensors
        elif columns is None:
            columns = self._columns()
        self._before, self._joined, self._alike = {}, None, False
        single = {
            signals.GRADIENT_COSINE: self._gradient_cosine(given, flat, alike=alike),
            signals.GRADIENT_CARRIED: self._carried_share(self._clearable(gradients), alike=alike),
            signals.UPDATE_LOST: None if self._lost is None else self._lost[0],
        }
        of_each = [] if self._lost is None else [self._column(self._lost[1])]
        self._lost = None
        scalars = {signal: number for signal, number in single.items() if number is not None}

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            found = numbers[len(columns) : len(columns) + len(scalars)]
            rest = {signal: value[0] for signal, value in zip(scalars, found, strict=True)}
            own = numbers[: len(columns)]
            each = {signals.UPDATE_LOST_OF: numbers[-1]} if of_each else {}
            return {**self._decode(own if together is None else together.columns(*own)), **rest, **each}

        return Measurement([*columns, *scalars.values(), *of_each], decode)

    def _gradients(self, gradient: Callable[[Tensor], Tensor | None]) -> tuple[dict[int, Tensor], bool]:
        """The gradients that are dense, and whole on this process, by the position of their parameter.

        And whether all parameters and all gradients are alike: then none is left out.
        """
        parameters = self._view.parameters
        given = {i: value for i, p in enumerate(parameters) if (value := gradient(p)) is not None}
        known = self._alike or (bool(parameters) and are_alike(parameters))
        if known and are_alike(given.values()):
            return given, True
        values = {i: None if value.is_sparse else whole_here(value) for i, value in given.items()}
        return {i: value for i, value in values.items() if value is not None and value.numel()}, False

    def _clearable(self, gradients: Mapping[int, Tensor]) -> list[Tensor]:
        """The gradients of what the optimizer holds; nobody may clear those of other parameters."""
        parameters, held = self._view.parameters, self._view.roots.held
        return [gradient for i, gradient in gradients.items() if id(parameters[i]) in held]

    def _carried_share(self, gradients: Sequence[Tensor], *, alike: bool) -> Tensor | None:
        """What was carried over the norm now, shape (); 0 where gradients were cleared; None without gradients."""
        carried, self._carried = self._carried, None
        if not gradients:
            return None
        if carried is None:
            return torch.zeros((), device=gradients[0].device)
        return carried / _norm(gradients, alike=alike)

    def _observed(self, optimizer: object) -> list[Tensor] | None:
        """What an optimizer has measured itself; None where it did not."""
        if not self._self_observing or not self._view.parameters:
            return None
        columns = observed_columns(cast("Observing", optimizer), self._view.parameters)
        # Where its engine does not observe, the weights are copied from the next sample on.
        self._self_observing = columns is not None
        return columns

    def _together(self, gradients: Mapping[int, Tensor], flat: Tensor | None) -> AlikeUpdate:
        """The update of parameters that are alike; their gradients may be joined already."""
        parameters, joined_before = self._view.parameters, self._joined
        if joined_before is not None and flat is not None and flat.numel() == joined_before.numel():
            return AlikeUpdate.of_all(parameters, flat, joined_before)
        before = self._copies()
        olds = {i: old for i, p in enumerate(parameters) if (old := before.get(id(p))) is not None}
        return AlikeUpdate.measure(parameters, gradients, olds, self._stride)

    def _copies(self) -> dict[int, Tensor]:
        """The weights before the update, by their identity."""
        parameters, before = self._view.parameters, self._joined
        parts = () if before is None else before.split(list(map(Tensor.numel, parameters)))
        return dict(zip(map(id, parameters), parts, strict=True)) if parts else self._before

    def _columns(self) -> list[Tensor]:
        """For each of the measured quantities one tensor of shape (parameters,), on the first parameter's device.

        It is still there, and NaN where a parameter does not have the quantity.
        """
        parameters, before = self._view.parameters, self._copies()
        known = {i: _weights(p) for i, p in enumerate(parameters)}
        weights = {i: values for i, values in known.items() if values is not None}
        own = {i: gradient for i in weights if (gradient := self._gradient(parameters[i])) is not None}
        gradients = {i: _values(gradient) for i, gradient in own.items()}
        olds = {i: before[id(parameters[i])] for i in weights if id(parameters[i]) in before}
        changes = {i: _spread(weights[i], self._stride) - old for i, old in olds.items()}
        dense = [i for i in changes if i in own and not own[i].is_sparse]
        self._lost = lost_shares({i: (changes[i], _spread(own[i], self._stride)) for i in dense})
        wide = {i: wide_type(changes[i]) for i in dense}
        cosines = {i: _cosine(changes[i].to(wide[i]), _spread(own[i], self._stride).to(wide[i])) for i in dense}
        scales = {i: (weights[i].numel() / change.numel()) ** 0.5 for i, change in changes.items()}
        update_norms = {i: norm * scales[i] for i, norm in _norms(changes).items()}
        zeros = {i: 1.0 - g.count_nonzero() / weights[i].numel() for i, g in gradients.items()}
        columns = (_norms(gradients), _norms(gradients, order=torch.inf), zeros, _norms(weights), update_norms, cosines)
        return [self._column(column) for column in columns] if parameters else []

    def _column(self, values: dict[int, Tensor]) -> Tensor:
        """One number for each parameter, NaN where there is none, on one device."""
        parameters = self._view.parameters
        device = next((parameter.device for parameter in parameters if _weights(parameter) is not None), None)
        missing = torch.full((), torch.nan, device=device)
        numbers = [values.get(i, missing) for i in range(len(parameters))]
        if device is not None and not all(n.dtype is torch.float32 and n.device == device for n in numbers):
            numbers = [number.real if number.is_complex() else number for number in numbers]
            numbers = [number.to(device).float() for number in numbers]
        return torch.stack(numbers)

    def _gradient_cosine(self, gradients: Sequence[Tensor], flat: Tensor | None, *, alike: bool) -> Tensor | None:
        """Cosine between this step's whole gradient and that of the step before, from an evenly spread sketch.

        None where the step before was not sketched, or the parameters changed; ``flat`` is the gradients, joined.
        """
        if not gradients:
            return None
        step = self._view.step
        stride = max(1, -(-sum(map(Tensor.numel, gradients)) // SKETCH_VALUES))
        device = gradients[0].device
        if flat is not None:
            sketch = flat[::stride].clone()
        elif alike:
            sketch = torch.cat([gradient.reshape(-1)[::stride] for gradient in gradients])
        else:
            sketch = torch.cat([_spread(as_real(g), stride).float().to(device, non_blocking=True) for g in gradients])
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
            0.0 if math.isfinite(norm) else _nonfinite(self._gradient(p) if _weights(p) is not None else None)
            for p, norm in zip(self._view.parameters, gradients, strict=True)
        ]
        samples[signals.WEIGHT_NONFINITE] = [
            0.0 if math.isfinite(norm) else _nonfinite(_weights(p))
            for p, norm in zip(self._view.parameters, weights, strict=True)
        ]
        return samples

    def _gradient(self, parameter: Tensor) -> Tensor | None:
        """The gradient of a parameter; None where there is none, or this process does not hold all of it."""
        gradient = self._view.gradient(parameter)
        if gradient is None or gradient.is_sparse:
            return gradient
        return whole_here(gradient)


def _weights(parameter: Tensor) -> Tensor | None:
    """The values of a parameter; None where they are no numbers, or this process does not hold all of them."""
    if not is_real(parameter) or parameter.element_size() < 2 or not parameter.numel():
        return None  # of eight bits nothing is computed, they are for storing
    return whole_here(parameter)


def _values(gradient: Tensor) -> Tensor:
    """The values of a gradient, of a sparse one those that are stored."""
    return gradient.coalesce()._values() if gradient.is_sparse else gradient


def _nonfinite(tensor: Tensor | None) -> float:
    values = None if tensor is None else _values(tensor)
    return math.nan if values is None or not values.numel() else float((~values.isfinite()).sum())


def _norms(tensors: dict[int, Tensor], *, order: float = 2.0) -> dict[int, Tensor]:
    """The norm of each tensor, in a wide type: in one call where the tensors are alike, as they mostly are."""
    known = {i: tensor for i, tensor in tensors.items() if tensor.numel()}
    alike = {(tensor.dtype, tensor.device) for tensor in known.values()}
    if len(alike) == 1 and next(iter(alike))[0] == torch.float32:
        norms = torch._foreach_norm(list(known.values()), order)  # pyright: ignore[reportPrivateUsage]
        return dict(zip(known, norms, strict=True))
    return {i: torch.linalg.vector_norm(tensor, order, dtype=wide_type(tensor)) for i, tensor in known.items()}


def _norm(tensors: Sequence[Tensor], *, alike: bool) -> Tensor:
    """Norm over all values of all tensors, in float32, on the first one's device."""
    if alike and sum(map(Tensor.numel, tensors)) <= SNAPSHOT_VALUES:
        return torch.linalg.vector_norm(joined(tensors))
    if alike:
        norms = torch._foreach_norm(list(tensors))  # pyright: ignore[reportPrivateUsage]
        return torch.linalg.vector_norm(torch.stack(norms))
    device = tensors[0].device
    norms = [norm.to(device).float() for norm in _norms(dict(enumerate(tensors))).values()]
    return torch.linalg.vector_norm(torch.stack(norms))


def _spread(tensor: Tensor, stride: int) -> Tensor:
    return tensor.reshape(-1)[::stride]


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between two flat tensors; NaN where one of them is zero."""
    if a.is_complex():
        a, b = as_real(a).reshape(-1), as_real(b).reshape(-1)
    return torch.dot(a, b) / (torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b))
