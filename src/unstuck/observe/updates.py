"""Watch a training that has no optimizer: whose program changes the weights itself, by the gradients it has taken."""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.observer import EndReason, Observer
from unstuck.observe.sampling import DEFAULT_BUDGET
from unstuck.observe.tensors.distributed import is_readable
from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.frames import user_modules
from unstuck.record import RunWriter

__all__ = ["HandObserver", "learnable"]

LOOKED_AT = 16
"""Parameters whose first values tell whether an update was made; it changes nearly all of them."""

VALUES = 32
"""Values of each of them that are compared."""


class ByHand(Optimizer):
    """Stands for the program's own update: it holds the parameters, and is never stepped."""


def learnable(root: Tensor) -> list[Tensor]:
    """The leaves of a loss's graph that a training may change: dense floating-point tensors, whole on this process."""
    walk = GraphWalk(root)
    leaves = [leaf for leaf in walk.variables if leaf.is_leaf and leaf.is_floating_point() and not leaf.is_sparse]
    return [leaf for leaf in leaves if is_readable(leaf)]


class Lookout:
    """Listens until a forward pass begins: a call whose result leads to the parameters.

    Args:
        observer: Who is told.
    """

    def __init__(self, observer: HandObserver) -> None:
        self.spent = 0.0
        self._observer = weakref.proxy(observer)

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool) -> None:
        """Modules are seen by the observer itself."""

    def module_ended(self, module: nn.Module, output: Any) -> None:
        """Nothing to take."""

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Nothing to take."""

    def function_called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """Tell of the first call that autograd records."""
        learns = isinstance(output, Tensor) and output.requires_grad and torch.is_grad_enabled()
        if learns and self._observer.computed(function, args, kwargs, output):
            forward.unlisten(self)

    def failed(self, error: Exception) -> None:
        """This listener raised: nothing more is seen of forward passes."""
        self._observer.failed(error)


class HandObserver(Observer):
    """Record a training whose program updates the weights itself, such as ``w -= lr * w.grad``.

    An update is what changed the weights between a backward pass and the forward or backward pass after it. Its
    gradients are kept meanwhile, on sampled steps, for the program may have cleared them by then.

    Args:
        parameters: What the loss leads to.
        writer: The run to write to.
        budget: Share of the training time that observing may take.
        streams: Numbers for the trainings within the run.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        writer: RunWriter,
        *,
        budget: float = DEFAULT_BUDGET,
        streams: Iterator[int] | None = None,
    ) -> None:
        self._update = ByHand(list(parameters), {})
        self._parameters = list(parameters)
        self._gradients: list[Tensor | None] = []
        self._marks: list[Tensor] | None = None
        self._lookout = Lookout(self)
        super().__init__(None, self._update, writer, budget=budget, streams=streams or itertools.count())
        for module in user_modules():  # the forward pass of the first step has gone by unseen
            self._roots.adopt(module)

    def backward_begins(self, roots: tuple[Tensor, ...]) -> None:
        """Record the update before this pass, then note the loss."""
        self._settle()
        super().backward_begins(roots)

    def backward_ended(self) -> None:
        """Keep weights and gradients as they are before the update that is to come."""
        super().backward_ended()
        self._await([parameter.grad for parameter in self._parameters])
        self._look_out()

    def gradients_begin(self, roots: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> None:
        """Take ``torch.autograd.grad`` for a backward pass, where it asks for the gradients of these parameters."""
        if {id(tensor) for tensor in inputs} & {id(parameter) for parameter in self._parameters}:
            self.backward_begins(roots)

    def gradients_ended(self, inputs: tuple[Tensor, ...], gradients: tuple[Tensor | None, ...]) -> None:
        """Keep what it returned as the gradients."""
        found = {id(tensor): gradient for tensor, gradient in zip(inputs, gradients, strict=True)}
        if any(id(parameter) in found for parameter in self._parameters):
            self._await([found.get(id(parameter)) for parameter in self._parameters])
            self._look_out()

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Record the update before this pass, so that the pass belongs to the next step."""
        self._settle()
        super().forward_begins(module, inputs)

    def _sees_forward(self) -> bool:
        """Always: a forward pass is what tells that an update has been made."""
        return True

    def ended(self, reason: EndReason, *, message: str = "") -> None:
        """Record the last update, and how training ended."""
        self._settle()
        super().ended(reason, message=message)

    def computed(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> bool:
        """The first call of a forward pass, where no module's tells that it begins: record the update before it.

        Returns:
            Whether it was that: an update was made since the latest backward pass.
        """
        self._settle()
        begins = self._marks is None
        if begins and self._sampling:
            self._probe.function_called(function, args, kwargs, output)
        return begins

    def _look_out(self) -> None:
        """In a program without modules, wait for the call that begins the next forward pass, if that may be sampled."""
        now = time.perf_counter() - self._spending.began
        if not len(self._roots) and self._sampler.expected(
            self._step + 1, elapsed=now, spent=self._spending.on_samples
        ):
            forward.listen(self._lookout)

    def retire(self) -> None:
        """Let go of the parameters too."""
        super().retire()
        forward.unlisten(self._lookout)
        self._parameters, self._gradients, self._marks = [], [], None

    @torch.no_grad()
    def _await(self, gradients: list[Tensor | None]) -> None:
        self._marks = self._marked()
        if self._sampling:
            self._gradients = [None if gradient is None else gradient.detach().clone() for gradient in gradients]
        self.step_begins(self._update, closure=False)

    def _settle(self) -> None:
        """Record an update, if one was made since the latest backward pass."""
        if self._marks is None or all(map(torch.equal, self._marks, self._marked())):
            return
        self._marks = None
        own = [parameter.grad for parameter in self._parameters]
        kept, self._gradients = self._gradients, []
        try:
            for parameter, gradient in zip(self._parameters, kept, strict=False):
                parameter.grad = gradient
            self.step_ended(self._update)
        finally:
            for parameter, gradient in zip(self._parameters, own, strict=True):
                parameter.grad = gradient

    @torch.no_grad()
    def _marked(self) -> list[Tensor]:
        stride = -(-len(self._parameters) // LOOKED_AT)
        return [parameter.detach().reshape(-1)[:VALUES].clone() for parameter in self._parameters[::stride]]
