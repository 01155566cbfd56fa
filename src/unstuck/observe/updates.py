"""The updates of a program that has no optimizer, such as ``w -= lr * w.grad``: seen where its weights have changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.tensors.readable import is_readable, values_here
from unstuck.observe.torch_hooks.backward import Backward

__all__ = ["FirstCall", "Holder", "OwnUpdates", "Steps", "learnable"]

LOOKED_AT = 16
"""Parameters whose first values tell whether an update was made; it changes nearly all of them."""

VALUES = 32
"""Values of each of them that are compared."""

SURE = 3
"""Updates that the counters of changes in place have told too, from which these are relied on alone."""


class Holder:
    """Stands for an optimizer that the program does not have: it holds the parameters, and is never stepped."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters)}]


Steps = Optimizer | Holder
"""What the parameters of a training are held by."""


def learnable(root: Tensor) -> list[Tensor]:
    """The leaves of a loss's graph that a training may change: dense floating-point tensors, whole on this process."""
    walk = GraphWalk(root)
    return [leaf for leaf in walk.variables if leaf.is_leaf and leaf.is_floating_point() and is_readable(leaf)]


class OwnUpdates:
    """Tell an update by what changed the weights between a backward pass and the forward or backward pass after it.

    Their values are compared. What changes a tensor in place counts up its version, except through ``.data``: where
    that has told the first updates, it is relied on, for it costs next to nothing.

    The gradients are kept meanwhile, on sampled steps, for the program may have cleared them by then.

    Args:
        parameters: What the loss leads to.

    Attributes:
        holder: Stands for the optimizer.

    Examples:
        >>> weight = torch.ones(3, requires_grad=True)
        >>> updates = OwnUpdates([weight])
        >>> updates.expect()
        >>> with torch.no_grad():
        ...     _ = weight.sub_(0.5)
        >>> updates.made(), updates.made()
        (True, False)
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.holder = Holder(parameters)
        self.parameters = list(parameters)
        self._marks: list[Tensor] | None = None
        self._versions: list[int] = []
        self._told: float = 0
        self._gradients: dict[int, Tensor] = {}

    @property
    def awaited(self) -> bool:
        """Whether there was a backward pass, and no update since."""
        return self._marks is not None

    def expect(self, backward: Backward | None = None, *, keep: bool = False) -> None:
        """A backward pass was made: an update is to come; the gradients may be kept."""
        self._versions = self._counted()
        self._marks = [] if self._told >= SURE else self._marked()
        if backward is not None and keep:
            taken = {id(p): g for p, g in zip(backward.inputs, backward.gradients, strict=False)}
            own = {id(p): p.grad if backward.accumulates else taken.get(id(p)) for p in self.parameters}
            self._gradients = {key: g.detach().clone() for key, g in own.items() if isinstance(g, Tensor)}

    def made(self) -> bool:
        """Whether an update was made that was expected; each is told once."""
        if self._marks is None:
            return False
        told = self._versions != self._counted()
        if self._told < SURE:
            if all(map(_alike, self._marks, self._marked())):
                return False
            self._told = self._told + 1 if told else -math.inf
        elif not told:
            return False
        self._marks = None
        return True

    def gradient(self, parameter: Tensor) -> Tensor | None:
        """The gradient that the update was made with."""
        return self._gradients.get(id(parameter))

    def forget(self) -> None:
        """The step is recorded."""
        self._gradients = {}

    def release(self) -> None:
        """Let go of the program's tensors."""
        self.parameters, self._marks, self._gradients = [], None, {}
        self.holder.param_groups = [{"params": []}]

    def _looked_at(self) -> list[Tensor]:
        return self.parameters[:: -(-len(self.parameters) // LOOKED_AT)]

    def _marked(self) -> list[Tensor]:
        return [_mark(parameter) for parameter in self._looked_at()]

    def _counted(self) -> list[int]:
        return [parameter._version for parameter in self._looked_at()]


def _mark(parameter: Tensor) -> Tensor:
    """The first values of a parameter; none while they are given back, as FSDP does between the passes."""
    values = values_here(parameter)
    return torch.empty(0) if values is None else values.reshape(-1)[:VALUES].clone()


def _alike(before: Tensor, after: Tensor) -> bool:
    return not before.numel() or not after.numel() or torch.equal(before, after)


class FirstCall:
    """Listens until a forward pass begins where no module tells it: the first call that autograd records.

    Args:
        begins: Called with that call.
        failed: Called if that raises.
    """

    def __init__(self, begins: Callable[..., None], failed: Callable[[Exception], None]) -> None:
        self.spent = 0.0
        self.calls: Any = self
        self.failed = failed
        self._begins = begins

    def get(self, function: Any) -> Callable[..., None]:
        """It cares for every function."""
        return self.scalars

    def __contains__(self, function: Any) -> bool:
        return False

    def claims(self, module: nn.Module) -> bool:
        """Modules are seen by the observer itself."""
        return False

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """Nothing to take."""

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """Nothing to take."""

    def function_failed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Nothing to take."""

    def scalars(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Tell of the first call that autograd records."""
        if learning and isinstance(output, Tensor) and output.requires_grad:
            self._begins(function, args, kwargs, output)
