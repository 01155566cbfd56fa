"""Backward passes: what a pass of autograd's engine is asked for, and whose parameters it reaches."""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.utils.hooks import RemovableHandle

from unstuck.observe.tensors.readable import values_here
from unstuck.observe.torch_hooks import events
from unstuck.observe.torch_hooks.aside import unseen, watchable

__all__ = ["Backward", "Reaching", "around_engine", "around_scale"]

LOOKED_AT = 3
"""Parameters that are looked at from the start, evenly spread; others join where a graph leads past these."""

SURE_AFTER = 32
"""Backward passes that all reached, after which the next is taken to reach too, unless somebody else trains."""


class Backward:
    """One pass of autograd's engine, by ``Tensor.backward``, ``torch.autograd.backward`` or ``torch.autograd.grad``.

    Attributes:
        roots: The tensors that are differentiated, as they were before a ``GradScaler`` scaled them.
        inputs: The tensors that gradients are taken for; empty where all leaves accumulate theirs.
        accumulates: Whether gradients go to ``.grad``, and are not returned.
        keeps_graph: Whether the gradients can be differentiated in turn.
        gradients: What was returned for the inputs.
        scaled: The first root as a ``GradScaler`` has scaled it; None where none has.
    """

    __slots__ = ("accumulates", "gradients", "inputs", "keeps_graph", "roots", "scaled")

    def __init__(self, outputs: Iterable[Any], rest: tuple[Any, ...], *, accumulates: bool) -> None:
        # What the engine is given has gone through torch's own reading of the user's arguments: these are tuples.
        roots = _tensors(outputs)
        self.roots = _unscaled.take(roots) if _unscaled.pairs else roots
        self.scaled = roots[0] if roots and roots[0] is not self.roots[0] else None
        self.keeps_graph = bool(rest[2]) if len(rest) > 2 else False
        self.inputs = _tensors(rest[3]) if len(rest) > 3 else ()
        self.accumulates = accumulates
        self.gradients: tuple[Any, ...] = ()


def _tensors(values: Iterable[Any]) -> tuple[Tensor, ...]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
    return tuple(found)


def around_engine(run: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of the passes of autograd's engine, but for those within another pass or within a transform."""

    @functools.wraps(run)
    def watched(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        thread = events.thread
        if thread.passing or thread.telling:
            return run(outputs, *args, **kwargs)
        quiet = events.quiet.steps
        if quiet is not None and _is_plain(outputs, args, kwargs) and quiet.loss(outputs[0]):
            events.counts.backward += 1
            thread.passing = True
            try:
                return run(outputs, *args, **kwargs)
            finally:
                thread.passing = False
        if not watchable():
            events.tell("transformed")
            return run(outputs, *args, **kwargs)
        if args and any(map(_is_batched, _tensors(args[0]))):
            return run(outputs, *args, **kwargs)  # is_grads_batched: gradients that cannot be read
        events.counts.backward += 1
        if not (events.hears("backward_begins") or events.hears("backward_ended")):
            return run(outputs, *args, **kwargs)
        backward = Backward(outputs, args, accumulates=bool(kwargs.get("accumulate_grad", True)))
        events.tell("backward_begins", backward)
        thread.passing = True
        try:
            gradients = run(outputs, *args, **kwargs)
        finally:
            thread.passing = False
        if not backward.accumulates:
            backward.gradients = gradients
        events.tell("backward_ended", backward)
        return gradients

    return watched


def _is_plain(outputs: Any, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a pass is that of ``loss.backward()`` for all leaves, of a loss that is not scaled, and can be read."""
    if len(outputs) != 1 or len(rest) < 4 or rest[2] or rest[3] or _unscaled.pairs:
        return False
    return kwargs.get("accumulate_grad", True) is True and unseen()


_is_batched = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore


class _Unscaled(threading.local):
    """The losses that a GradScaler has scaled, so that the loss itself is recorded and not a multiple of it.

    They are held until the next backward pass: ``scaler.scale(loss_fn(...)).backward()`` keeps no other reference.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[weakref.ref[Tensor], Tensor]] = []

    def note(self, scaled: Any, original: Any) -> None:
        if isinstance(scaled, Tensor) and isinstance(original, Tensor):
            self.pairs = [pair for pair in self.pairs if pair[0]() is not None]
            self.pairs.append((weakref.ref(scaled), original))
        elif isinstance(scaled, list | tuple) and isinstance(original, list | tuple):
            for one, other in zip(scaled, original, strict=False):
                self.note(one, other)

    def take(self, roots: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The originals of those roots that were scaled, which are let go."""
        found = tuple(next((original for scaled, original in self.pairs if scaled() is root), root) for root in roots)
        self.pairs = [pair for pair in self.pairs if not any(pair[0]() is root for root in (None, *roots))]
        return found


_unscaled = _Unscaled()


def around_scale(scale: Callable[..., Any]) -> Callable[..., Any]:
    """Remember which loss was scaled."""

    @functools.wraps(scale)
    def watched(self: GradScaler, outputs: Any) -> Any:
        scaled = scale(self, outputs)
        if not events.empty():
            _unscaled.note(scaled, outputs)
        return scaled

    return watched


class Reaching:
    """Which backward passes reach the parameters of one training.

    Autograd's own hooks on a few parameters tell, whichever thread runs the pass. Where it has none, on parameters that
    are distributed or in a program that compiles (whose compiler would trace them), the ``.grad`` of these parameters
    is looked at before and after, in the training's own thread only.

    Examples:
        >>> import torch
        >>> weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> reaching = Reaching()
        >>> reaching.watch([weight])
        >>> reaching.begins()
        >>> other.sum().backward()
        >>> reaching.ended()
        False
    """

    def __init__(self) -> None:
        self._parameters: Sequence[Tensor] = ()
        self._watched: list[Tensor] = []
        self._hooks: dict[int, RemovableHandle] = {}
        self._before: list[tuple[int, int] | None] = []
        self._reached: tuple[Tensor, tuple[int, int] | None] | None = None
        self._touched: Tensor | None = None
        self._looking = True
        self._hooking = True
        self._hits: float = 0

    def watch(self, parameters: Sequence[Tensor]) -> None:
        """Look at some of these parameters from now on."""
        self.release()
        self._parameters = parameters
        self._choose()

    def join(self, parameter: Tensor) -> None:
        """Look at one more: a graph leads to it, and to none of the others."""
        if parameter.requires_grad and all(parameter is not watched for watched in self._watched):
            self._watched.append(parameter)

    def watches(self, identities: set[int]) -> bool:
        """Whether one of the parameters that are looked at is among these."""
        return any(id(parameter) in identities for parameter in self._watched)

    def poll(self) -> None:
        """Use no hooks from now on."""
        self._hooking = False
        self._unhook()

    def rest(self) -> None:
        """Take the hooks away until a pass begins that is looked at."""
        if self._hooks:
            self._unhook()

    def release(self) -> None:
        """Let go of the parameters."""
        self._unhook()
        self._parameters, self._watched, self._before = (), [], []
        self._reached = self._touched = None

    @property
    def sure(self) -> bool:
        """Whether the next backward pass is taken to reach, if there is no other training."""
        return self._hits >= SURE_AFTER

    def begins(self, *, alone: bool = False) -> None:
        """A backward pass is about to run; ``alone`` if there is no other training whose pass it could be."""
        self._looking = not (alone and self.sure)
        if not self._looking:
            if self._hooks:
                self._unhook()
            return
        self._touched = None
        if not (self._watched and all(parameter.requires_grad for parameter in self._watched)):
            self._choose()  # the program has frozen some, or thawed all
        if self._hooking and len(self._hooks) < len(self._watched):
            self._hook()
        if len(self._hooks) < len(self._watched):
            self._before = [_mark(parameter) for parameter in self._watched]

    def _choose(self) -> None:
        trainable = [parameter for parameter in self._parameters if parameter.requires_grad and parameter.is_leaf]
        last = len(trainable) - 1
        positions = {round(i * last / (LOOKED_AT - 1)) for i in range(LOOKED_AT)} if trainable else set[int]()
        self._unhook()
        self._watched = [trainable[position] for position in sorted(positions)]

    def ended(self) -> bool:
        """It has run: whether it reached one of the parameters."""
        if not self._looking:
            return True
        reached = self._touched
        if reached is None and len(self._before) == len(self._watched) > len(self._hooks):
            changed = (p for p, before in zip(self._watched, self._before, strict=True) if _mark(p) != before)
            reached = next(changed, None)
        if reached is not None:
            self._touched = None
            self._reached = (reached, _mark(reached))
            self._hits += 1
            return True
        self._hits = -math.inf  # some passes are not for these parameters: never be sure
        return False

    def cleared(self) -> bool:
        """Whether gradients were cleared since the latest backward pass that reached; call between the passes.

        What changes gradients otherwise, clipping or unscaling, leaves values behind.
        """
        if self._reached is None:
            return False
        parameter, mark = self._reached
        return _mark(parameter) != mark and (parameter.grad is None or not _any(parameter.grad))

    def _hook(self) -> None:
        me: weakref.ref[Reaching] = weakref.ref(self)
        for parameter in self._watched:
            if id(parameter) not in self._hooks and type(parameter) in (Tensor, torch.nn.Parameter):
                self._hooks[id(parameter)] = parameter.register_hook(_Touch(me, weakref.ref(parameter)))

    def _unhook(self) -> None:
        for hook in self._hooks.values():
            hook.remove()
        self._hooks.clear()


class _Touch:
    """The hook on one parameter; it is not saved with the parameter, and keeps neither alive."""

    __torch_unserializable__ = True

    def __init__(self, reaching: weakref.ref[Reaching], parameter: weakref.ref[Tensor]) -> None:
        self._reaching, self._parameter = reaching, parameter

    def __call__(self, gradient: Tensor) -> None:
        reaching, parameter = self._reaching(), self._parameter()
        if reaching is not None and parameter is not None:
            reaching._touched = parameter  # pyright: ignore[reportPrivateUsage]


def _mark(parameter: Tensor) -> tuple[int, int] | None:
    """What tells one state of a gradient from the next."""
    gradient = parameter.grad
    if gradient is None:
        return None
    if type(gradient) is not Tensor:  # the wrapper of a distributed tensor counts no changes
        gradient = getattr(gradient, "_local_tensor", gradient)
    return id(gradient), gradient._version


def _any(gradient: Tensor) -> bool:
    """Whether any value is not zero, of those that can be read here."""
    if gradient.is_sparse:
        return bool(gradient._nnz())
    here = values_here(gradient)
    return here is None or bool(here.any())
