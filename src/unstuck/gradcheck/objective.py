"""Model, loss and penalty as one module, whose output is the scalar to differentiate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError

__all__ = [
    "LossFunction",
    "Method",
    "Objective",
    "OnSimplex",
    "Penalty",
    "Projection",
    "Weighted",
    "called",
    "irregular",
]

T = TypeVar("T")
LossFunction = Callable[[Any, Any], Tensor]
Penalty = Callable[[nn.Module], Tensor]


class Objective(nn.Module):
    """Model, loss and penalty in one: a module whose output is the scalar to differentiate.

    Attributes:
        data: Factor of the data loss; 0 leaves it out.
        penalty: Factor of the penalty; 0 leaves it out.
    """

    def __init__(self, call: Callable[..., Any], loss: LossFunction, penalty: Penalty | None = None) -> None:
        super().__init__()
        self.call, self.loss, self.regularisation = call, loss, penalty
        self.data, self.penalty = 1.0, 0.0

    def forward(self, inputs: Any, targets: Any, then: Callable[[Tensor], T]) -> T:
        """What ``then`` makes of the value; inputs are one tensor, a tuple of arguments or a mapping of keywords."""
        total: Tensor | float = 0.0
        if self.data:
            total = self.data * _scalar(self.loss(called(self.call, inputs), targets))
        if self.penalty and self.regularisation and isinstance(self.call, nn.Module):
            total = total + self.penalty * _scalar(self.regularisation(self.call))
        return then(cast("Tensor", total))


def called(call: Callable[..., Any], inputs: Any) -> Any:
    """Call with one tensor, a tuple of arguments or a mapping of keyword arguments."""
    if isinstance(inputs, Mapping):
        return call(**inputs)
    return call(*cast("tuple[Any, ...]", inputs)) if isinstance(inputs, tuple | list) else call(inputs)


def _scalar(value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise ArgumentError(f"loss={value!r}: a tensor of one number is accepted; got {type(value).__name__}")
    if value.numel() != 1:
        raise ArgumentError(
            f"loss: not a scalar but of shape {tuple(value.shape)}; reduce it to one number, for example with .mean()"
        )
    if not value.is_floating_point():
        raise ArgumentError(f"loss: of type {value.dtype}, which has no gradient; compute it in floating point")
    return value.reshape(())


class Projection:
    """A scalar of any outputs: the sum of all floating ones, each number with a fixed weight of its own."""

    def __init__(self) -> None:
        self._weights: dict[Any, Tensor] = {}

    def __call__(self, outputs: Any, _: Any = None) -> Tensor:
        """The scalar.

        Raises:
            ArgumentError: There is nothing to sum.
        """
        leaves = [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]
        leaves = [torch.view_as_real(leaf) if leaf.is_complex() else leaf for leaf in leaves]
        parts = [(self._of(leaf) * leaf).sum() for leaf in leaves if leaf.is_floating_point()]
        if not parts:
            raise ArgumentError(
                "function: it gives no tensor of floating-point numbers; there is nothing to differentiate"
            )
        return torch.stack(parts).sum()

    def _of(self, leaf: Tensor) -> Tensor:
        key = leaf.shape, leaf.dtype, leaf.device
        if key not in self._weights:
            self._weights[key] = irregular(leaf)
        return self._weights[key]


def irregular(like: Tensor) -> Tensor:
    """Weights between 0.5 and 1.5, irregular; drawn from no generator."""
    places = torch.arange(like.numel(), device=like.device, dtype=like.dtype)
    return (1.0 + 0.5 * torch.sin(1.0 + 2.399963 * places)).reshape(like.shape)


class Weighted:
    """A scalar of a function's outputs whose gradient by them is given: that which came back to it in a model."""

    def __init__(self, gradients: tuple[Tensor | None, ...]) -> None:
        self._gradients = gradients

    def __call__(self, outputs: Any, _: Any = None) -> Tensor:
        """The scalar."""
        leaves = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [(leaf, g) for leaf, g in zip(leaves, self._gradients, strict=True) if g is not None]
        return torch.stack([(_real(g.to(leaf)) * _real(leaf)).sum() for leaf, g in pairs]).sum()


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value) if value.is_complex() else value


class OnSimplex(nn.Module):
    """A loss of log-probabilities that keeps to those which sum to one, where alone its gradient is meant."""

    def __init__(self, loss: Callable[..., Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, log_probs: Tensor, *rest: Any, **named: Any) -> Tensor:
        """The loss; log-probabilities that sum to one are left as they are."""
        return self.loss(log_probs.log_softmax(dim=-1), *rest, **named)


class Method(nn.Module):
    """A method of a module in place of its forward pass, so that the module is copied and its parameters are found."""

    def __init__(self, owner: nn.Module, name: str) -> None:
        super().__init__()
        self.owner, self.name = owner, name

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method."""
        return getattr(self.owner, self.name)(*args, **kwargs)
