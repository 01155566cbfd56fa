"""What becomes of gradients between the backward pass and the update: clipped, scaled, overwritten, cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.torch_hooks.changes import Call, InPlaceCalls
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["GradientChanges"]

SKETCH_VALUES = 65_536
"""Entries of the gradient that are compared, evenly spread over all tensors."""

MOST_CALLS = 16


class GradientChanges:
    """Compare the gradient that backward gave with the one that the optimizer gets, on a few of the sampled steps.

    These are the first three and those at powers of two: what a program does to its gradients changes seldom.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._sampled = 1  # the first begins before anybody can say so
        self._looks = True
        self._handed = False
        self._stride = 1
        self._before: list[tuple[Tensor, Tensor]] = []
        self._scale: Tensor | None = None
        self._between: list[Call] = []
        self._late: list[Call] = []
        self._owners: _Owners | None = None
        self._watch = InPlaceCalls(self._changed)
        self._new: list[facts.GradientChange] = []

    def begin(self) -> None:
        """A sampled step begins."""
        self._looks = self._sampled <= 2 or self._sampled & (self._sampled - 1) == 0
        self._sampled += 1
        self._handed = False
        if self._looks:
            self._forget()
            self._watch.look(wanted=not self._view.roots.compiled)

    def rest(self) -> None:
        """Whatever changes gradients now is part of another training."""
        self._watch.look(wanted=False)

    def after_backward(self, backward: Backward) -> None:
        """Keep a sketch of the gradient as a backward pass has left it."""
        if not self._looks or self._handed or not backward.accumulates:
            return  # of an update with a closure nobody would end the look
        try:
            self._keep(backward)
        except Exception:
            self._watch.look(wanted=False)  # nobody would end it
            raise

    def _keep(self, backward: Backward) -> None:
        if not self._view.roots.compiled:
            self._watch.look(wanted=True)
        given = self._gradients()
        self._stride = max(1, -(-sum(gradient.numel() for _, gradient in given) // SKETCH_VALUES))
        self._before = [(parameter, self._sketch(gradient).clone()) for parameter, gradient in given]
        self._scale = None if backward.scaled is None else backward.scaled.detach() / backward.roots[0].detach()
        self._between, self._owners = [], None

    def before_update(self, optimizer: object) -> None:
        """Compare it with what the optimizer is about to get."""
        if not self._looks:
            return
        self._handed = True
        self._watch.look(wanted=False)
        if not self._before:
            return
        before = torch.cat([sketch for _, sketch in self._before])
        gradient = self._view.gradient
        after = torch.cat(
            [
                torch.zeros_like(old) if (new := gradient(parameter)) is None else self._sketch(new).to(old.device)
                for parameter, old in self._before
            ]
        )
        norm = torch.linalg.vector_norm
        measured = torch.stack([norm(before), norm(after), torch.dot(before, after)])
        self._state(*measured.double().tolist(), scale=1.0 if self._scale is None else float(self._scale))

    def _state(self, before: float, after: float, product: float, *, scale: float) -> None:
        norms, width = before * after, self._stride**0.5
        self._new.append(
            facts.GradientChange(
                step=self._view.step,
                before=before * width,
                after=after * width,
                cosine=product / norms if norms > 0.0 else 0.0,
                scale=scale,
                calls=tuple(facts.GradientCall(name=n, file=f, line=i) for n, f, i in self._between),
                late=tuple(facts.GradientCall(name=n, file=f, line=i) for n, f, i in self._late),
            )
        )
        self._forget()

    def facts(self) -> Iterator[facts.GradientChange]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the gradients."""
        self._watch.look(wanted=False)
        self._forget()

    def _forget(self) -> None:
        self._before, self._scale = [], None
        self._between, self._late = [], []
        self._owners = None

    def _gradients(self) -> list[tuple[Tensor, Tensor]]:
        held, gradient = self._view.roots.held, self._view.gradient
        known = ((p, gradient(p)) for p in self._view.parameters if id(p) in held)
        return [(p, g) for p, g in known if g is not None and is_readable(g) and g.is_floating_point() and g.numel()]

    def _sketch(self, gradient: Tensor) -> Tensor:
        return gradient.detach().reshape(-1)[:: self._stride].float()

    def _changed(self, target: Any, call: Callable[[], Call]) -> None:
        """Something was changed in place: note by whom, if it is a gradient."""
        noted = self._between if self._before else self._late
        if noted is self._late and isinstance(target, Tensor) and target.requires_grad:
            return  # a weight is changed, as by clipping the weights of a critic
        if len(noted) < MOST_CALLS and self._is_gradient(target):
            found = call()
            if found not in noted:
                noted.append(found)

    def _is_gradient(self, target: Any) -> bool:
        tensors: tuple[Any, ...] = tuple(target[:1]) if isinstance(target, list | tuple) else (target,)
        first = next((tensor for tensor in tensors if isinstance(tensor, Tensor)), None)
        if first is None:
            return False
        if self._owners is None:
            self._owners = _Owners(self._view.parameters)
        return self._owners.has(first)


class _Owners:
    """Find out of which parameter a tensor is the gradient, without looking at each: nothing is kept alive.

    Args:
        parameters: Those whose gradients are there now.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        held = [(parameter, parameter.grad) for parameter in parameters if parameter.is_leaf]
        self._parameters = {id(parameter): parameter for parameter, _ in held}
        self._gradients = {id(gradient): parameter for parameter, gradient in held if gradient is not None}
        self._storages = {
            gradient.untyped_storage().data_ptr(): parameter
            for parameter, gradient in held
            if gradient is not None and is_readable(gradient)
        }

    def has(self, tensor: Tensor) -> bool:
        """Whether a tensor is a gradient, shares the memory of one, or is a parameter, whose ``grad`` is set then.

        Nothing else of a parameter is changed between backward and update.
        """
        if tensor.is_leaf and self._parameters.get(id(tensor)) is tensor:
            return True
        owner = self._gradients.get(id(tensor))
        if owner is not None and owner.grad is tensor:
            return True
        if not is_readable(tensor):
            return False
        storage = tensor.untyped_storage().data_ptr()
        owner = self._storages.get(storage)
        gradient = None if owner is None else owner.grad
        return gradient is not None and is_readable(gradient) and gradient.untyped_storage().data_ptr() == storage
