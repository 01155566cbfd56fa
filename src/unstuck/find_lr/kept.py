"""The start of every trial, to which weights, buffers, gradients and the optimizer go back to the last bit."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["Kept"]


class Kept:
    """What a training changes, as it was.

    Everything is put back in place: tensors, entries and dictionaries are the same objects as before, so that a
    learning-rate schedule, an average of the weights or a loss that hold on to them see no difference.

    Args:
        modules: The model, and a loss that has parameters or buffers.
        optimizer: What steps them.
        scaler: The gradient scaler of mixed precision; None where there is none.

    Examples:
        >>> model = nn.Linear(2, 1)
        >>> optimizer = torch.optim.Adam(model.parameters())
        >>> kept, before = Kept([model], optimizer), model.weight.detach().clone()
        >>> model(torch.ones(1, 2)).sum().backward()
        >>> optimizer.step()
        >>> kept.restore()
        >>> torch.equal(model.weight, before), len(optimizer.state), model.weight.grad
        (True, 0, None)
    """

    def __init__(
        self, modules: Sequence[nn.Module], optimizer: Optimizer, scaler: torch.amp.GradScaler | None = None
    ) -> None:
        every = [module for outer in modules for module in outer.modules()]
        parameters = {id(p): p for module in modules for p in module.parameters()}
        parameters |= {id(p): p for group in optimizer.param_groups for p in group["params"]}
        self._modes = [(module, module.training) for module in every]
        self._entries = [(m._buffers, dict(m._buffers)) for m in every]  # pyright: ignore[reportPrivateUsage]
        buffers = [buffer for module in modules for buffer in module.buffers()]
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in (*parameters.values(), *buffers)]
        self._gradients = [(parameter, parameter.grad) for parameter in parameters.values()]
        self._optimizer = _KeptOptimizer(optimizer)
        self._scaler = None if scaler is None else (scaler, copy.deepcopy(vars(scaler)))

    def restore(self) -> None:
        """Put it back."""
        for module, training in self._modes:
            module.training = training
        for present, former in self._entries:
            present.clear()
            present.update(former)
        with torch.no_grad():
            for tensor, value in self._tensors:
                tensor.copy_(value)
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        self._optimizer.restore()
        if self._scaler is not None:
            scaler, attributes = self._scaler
            vars(scaler).clear()
            vars(scaler).update(copy.deepcopy(attributes))

    def forget_gradients(self) -> None:
        """Begin without gradients; those that were there are not written to."""
        for parameter, _ in self._gradients:
            parameter.grad = None


class _KeptOptimizer:
    """Groups, state and attributes of an optimizer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._attributes = dict(vars(optimizer))
        self._groups = [(group, dict(group)) for group in optimizer.param_groups]
        self._state = {key: (value, _values(value)) for key, value in optimizer.state.items()}
        held = [value for _, group in self._groups for value in group.values()]
        held += [value for _, values in self._state.values() for value in values.values()]
        self._tensors = [(value, value.detach().clone()) for value in held if isinstance(value, Tensor)]

    def restore(self) -> None:
        attributes = vars(self._optimizer)
        attributes.clear()
        attributes.update(self._attributes)
        groups, state = self._optimizer.param_groups, self._optimizer.state
        groups[:] = [group for group, _ in self._groups]
        for group, former in self._groups:
            group.clear()
            group.update(former)
        state.clear()
        for key, (value, values) in self._state.items():
            if isinstance(value, dict):
                value.clear()
                value.update({name: v if isinstance(v, Tensor) else copy.deepcopy(v) for name, v in values.items()})
            state[key] = value
        with torch.no_grad():
            for tensor, kept in self._tensors:
                tensor.copy_(kept)


def _values(state: Any) -> dict[Any, Any]:
    """The entries of a parameter's state: tensors themselves, copies of all else."""
    if not isinstance(state, dict):
        return {}
    return {name: v if isinstance(v, Tensor) else copy.deepcopy(v) for name, v in state.items()}
