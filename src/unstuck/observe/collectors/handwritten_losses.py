"""Recognise losses that the user wrote out: ``((output - target) ** 2).mean()`` is ``mse_loss(output, target)``.

What may be an output and its target is noted where they meet: in a difference, in the choice of each row's class, in a
product with a logarithm. A scalar that follows is a loss if it equals, to rounding, what PyTorch's own function gives
for such a pair. The numbers decide, so it does not matter how the user has spelt it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.fused_heads import fused_head
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.frames import NOWHERE, Site, user_site
from unstuck.record.signals import Signal

__all__ = ["HandWritten", "HandwrittenLosses", "LossCall"]

DIFFERENCES: frozenset[Any] = frozenset({torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})
PRODUCTS: frozenset[Any] = frozenset({torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__})
LOGARITHMS: frozenset[Any] = frozenset({torch.log, Tensor.log})
LOG_PROBABILITIES: frozenset[Any] = frozenset({torch.log_softmax, Tensor.log_softmax, functional.log_softmax})
GUARDS: frozenset[Any] = frozenset(
    {torch.clamp, Tensor.clamp, torch.clip, Tensor.clip, torch.add, Tensor.add, Tensor.__add__}
)
"""What users put between a probability and its logarithm, for fear of zero."""

CHOICES: frozenset[Any] = frozenset({Tensor.__getitem__, torch.gather, Tensor.gather})

PLAIN = frozenset({"mse_loss", "l1_loss", "hinge_loss", "squared_hinge_loss"})
"""Losses without a logarithm."""

MOST_NOTED = 8
"""Pairs kept at a time: a loss is written down soon after its output and target have met."""

MOST_VALUES = 1 << 20
"""Entries of an output above which a pair is not computed again."""

CLOSE = 1e-3
"""Relative difference up to which two losses are the same: logarithms may be guarded by a small number."""

EXACT = 2e-5
"""The same for those of differences and products, which nobody guards: what single precision loses in long sums."""


@dataclass(frozen=True, kw_only=True)
class LossCall:
    """The call of one of torch.nn.functional's losses that the user might have written instead.

    Attributes:
        function: Name of the function; of hinges, which torch has none of, ``hinge_loss`` or ``squared_hinge_loss``.
        output: The model's output, or what was made of it.
        target: What it is compared with.
        value: What the function would have returned.
        reduction: With which reduction: a sum also where it is divided by the number of examples afterwards.
        written: What the user has written has this value.
        site: Where it was completed.
        handwritten: Whether the user has written it out.
        ignored: The class id that the function leaves out.
    """

    function: str
    output: Tensor
    target: Tensor
    value: Tensor
    reduction: Literal["mean", "sum"] = "mean"
    written: Tensor | None = None
    site: Site = NOWHERE
    handwritten: bool = False
    ignored: int = -100

    @property
    def arguments(self) -> dict[str, Any]:
        """What the function would have been given by name, beside output and target."""
        return {"reduction": self.reduction}

    @property
    def whole(self) -> bool:
        """Whether the user has left a sum over the batch as it is."""
        return self.reduction == "sum" and self.written is self.value

    def summed(self) -> LossCall:
        """The same with a sum in place of the mean."""
        return replace(self, reduction="sum", value=self.value * self.target.numel())


_Reading = Callable[[], Iterator[LossCall]]


class HandwrittenLosses:
    """Take the losses that the user writes out between modules, to learn from.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = DIFFERENCES | LOGARITHMS | LOG_PROBABILITIES | GUARDS | PRODUCTS | CHOICES

    def __init__(self, view: View) -> None:
        self._view = view
        self._seen = HandWritten()
        self.begin = self._seen.forget  # a sampled step begins

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a call outside of all modules of the model."""
        view = self._view
        if isinstance(output, Tensor) and (view.module is None or view.module not in view.roots):
            found = self._seen.see(function, args, output, rows=view.examples)
            self._take(_fused(output) if found is None and view.embedded and not output.dim() else found)

    scalar = call

    def after_backward(self, backward: Backward) -> None:
        """A sum over the batch that was not divided before it was differentiated is one too."""
        left = self._seen.forget()
        if left is not None:
            self._take(left)

    def _take(self, call: LossCall | None) -> None:
        if call is not None and call.output.requires_grad and not self._view.is_foreign(call.output):
            self._view.loss_called(replace(call, handwritten=True))


@dataclass
class HandWritten:
    """Look for losses among function calls, in the order in which they are made."""

    _readings: list[_Reading] = field(default_factory=list[_Reading])
    _logarithms: list[tuple[Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor]])
    _guarded: list[tuple[Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor]])
    _products: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor, Tensor]])
    _sum: LossCall | None = None

    def forget(self) -> LossCall | None:
        """Begin a new batch. What is returned is a sum over the batch that was never divided by its size."""
        left, self._sum = self._sum, None
        for noted in (self._readings, self._logarithms, self._guarded, self._products):
            noted.clear()
        return left

    def see(
        self, function: Callable[..., Any], args: tuple[Any, ...], output: Tensor, *, rows: int | None
    ) -> LossCall | None:
        """Take one call.

        Args:
            function: The torch function.
            args: Its positional arguments.
            output: What it returned; it is passed by, as the arguments are, where it cannot be read here.
            rows: Examples in the batch, each of which gives a row of output; None where that is not known.

        Returns:
            The loss that the call has completed; None where it completed none.
        """
        if not output.is_floating_point() or not is_readable(output):
            return None
        if output.dim() == 0:
            return self._complete(output) if self._readings else None
        tensors = [value for value in args if isinstance(value, Tensor)]
        if not all(map(is_readable, tensors)):
            return None
        if tensors and tensors[0].dim() and rows in (None, len(tensors[0])) and output.numel() <= MOST_VALUES:
            self._note(function, args, tensors, output)
        return None

    def _note(self, function: Callable[..., Any], args: tuple[Any, ...], tensors: list[Tensor], output: Tensor) -> None:
        """Keep what may be an output and a target."""
        if function in DIFFERENCES and len(tensors) == 2:
            _push(self._readings, _difference(*tensors))
        elif function in LOGARITHMS:
            source = next((known for made, known in self._guarded if made is tensors[0]), tensors[0])
            _push(self._logarithms, (output, source))
        elif function in LOG_PROBABILITIES:
            _push(self._logarithms, (output, output))
        elif function in GUARDS and len(tensors) == 1:
            _push(self._guarded, (output, tensors[0]))
        elif function in PRODUCTS and len(tensors) == 2:
            _push(self._readings, _margin(*tensors) or _margin(*reversed(tensors)))
            self._note_product(*tensors)
            self._note_product(*reversed(tensors))
        elif function in CHOICES:
            chosen = _chosen(function, args, output)
            if chosen is not None:
                _push(self._readings, _choice(*chosen))

    def _note_product(self, logarithm: Tensor, target: Tensor) -> None:
        """Targets times logarithms: of one probability a class, or of yes and of no in two products."""
        source = next((known for made, known in self._logarithms if made is logarithm), None)
        if source is None or target.requires_grad or target.shape != logarithm.shape:
            return
        if target.dim() == 2 and target.shape[1] > 1 and _is_one(target.sum(dim=1)):
            _push(self._readings, _classes(logarithm, target))
        for yes, wanted, probability in self._products:
            if wanted.shape == target.shape and _is_one(wanted + target):
                _push(self._readings, _answers(yes, logarithm, wanted=wanted, probability=probability))
        _push(self._products, (logarithm, target, source))

    def _complete(self, scalar: Tensor) -> LossCall | None:
        """The loss that a scalar is. A mean uses its pair up; a sum waits, for it may be divided next."""
        size = float(scalar.detach())
        if not 0.0 < size < float("inf"):
            return None  # a log-likelihood is no loss before its sign is turned
        site = user_site(3)
        for reading in reversed(self._readings):
            for call in reading():
                found = _as_written(call, scalar, size)
                if found is None:
                    continue
                found = replace(found, site=site)
                if found.whole:
                    self._sum = found
                    continue
                self._sum = None
                self._readings.remove(reading)
                return found
        return None


def _fused(scalar: Tensor) -> LossCall | None:
    """The cross-entropy that a scalar is of scores that a function of the program's own computes in chunks."""
    head = fused_head(scalar) if scalar.requires_grad and is_readable(scalar) else None
    if head is None:
        return None
    size = float(scalar.detach())
    for counts in (torch.ones_like(head.ids, dtype=torch.bool), *head.masks):
        target = head.ids.masked_fill(~counts, -100)
        mean = functional.cross_entropy(head.scores.detach(), target)
        if _same(size, float(mean), within=CLOSE):
            call = LossCall(function="cross_entropy", output=head.scores, target=target, value=mean, written=scalar)
            return replace(call, site=user_site(2))
    return None


def _as_written(call: LossCall, scalar: Tensor, size: float) -> LossCall | None:
    """The call, if a scalar of this size is its mean, its sum by example or by batch, or half of one of them."""
    mean, entries = float(call.value), call.target.numel()
    by_example = entries / max(1, len(call.target))
    precise = call.output.dtype in (torch.float32, torch.float64) and call.function in PLAIN
    within = EXACT if precise else CLOSE
    for half in (1.0, 0.5):
        if _same(size, half * mean, within=within):
            return replace(call, written=scalar)
        if _same(size, half * mean * by_example, within=within):
            return replace(call.summed(), written=scalar)
        if _same(size, half * mean * entries, within=within):
            total = call.summed()
            return replace(total, written=total.value)
    return None


def _difference(first: Tensor, second: Tensor) -> _Reading | None:
    """A difference of two tensors of one shape, of which the model has made one; evaluations do not tell which."""
    if first.shape != second.shape or not second.is_floating_point():
        return None
    if first.requires_grad and second.requires_grad:
        return None
    output, target = (second, first) if second.requires_grad else (first, second)
    if output.requires_grad and output.grad_fn is None:
        return None  # a penalty on the weights themselves

    def read() -> Iterator[LossCall]:
        difference = (output - target).detach()
        yield LossCall(function="mse_loss", output=output, target=target, value=difference.square().mean())
        yield LossCall(function="l1_loss", output=output, target=target, value=difference.abs().mean())

    return read


def _choice(scores: Tensor, classes: Tensor) -> _Reading:
    """The scores of each row's class: logarithms, or scores whose logarithmic sum is taken off, or probabilities."""

    def read() -> Iterator[LossCall]:
        given = {"nll_loss": scores, "cross_entropy": scores}
        for name, output in given.items():
            mean = getattr(functional, name)(output.detach(), classes)
            yield LossCall(function=name, output=output, target=classes, value=mean)
        if not bool((scores.detach() > 0.0).any()):
            return  # logarithms, of which none is a probability
        with torch.enable_grad():
            logarithm = scores.clamp(min=1e-12).log()
        mean = functional.nll_loss(logarithm.detach(), classes)
        yield LossCall(function="nll_loss", output=logarithm, target=classes, value=mean)

    return read


def _classes(logarithm: Tensor, target: Tensor) -> _Reading:
    """Minus the sum over the classes of target times logarithm."""

    def read() -> Iterator[LossCall]:
        mean = -(target * logarithm.detach()).sum(dim=1).mean()
        yield LossCall(function="nll_loss", output=logarithm, target=target.argmax(dim=1), value=mean)

    return read


def _answers(yes: Tensor, no: Tensor, *, wanted: Tensor, probability: Tensor) -> _Reading:
    """Minus wanted times log p, minus (1 - wanted) times log(1 - p); whichever of the two came first."""

    def read() -> Iterator[LossCall]:
        mean = -(wanted * yes.detach() + (1.0 - wanted) * no.detach()).mean()
        yield LossCall(function="binary_cross_entropy", output=probability, target=wanted, value=mean)

    return read


def _margin(score: Tensor, sign: Tensor) -> _Reading | None:
    """Scores times signs, of which the hinge and its square allow each example one."""
    if score.shape != sign.shape or not score.requires_grad or sign.requires_grad or not sign.is_floating_point():
        return None
    if not bool(((sign == 1.0) | (sign == 0.0) | (sign == -1.0)).all()):
        return None

    def read() -> Iterator[LossCall]:
        short = (1.0 - score * sign).detach().clamp(min=0.0)
        yield LossCall(function="hinge_loss", output=score, target=sign, value=short.mean())
        yield LossCall(function="squared_hinge_loss", output=score, target=sign, value=short.square().mean())

    return read


def _chosen(function: Callable[..., Any], args: tuple[Any, ...], output: Tensor) -> tuple[Tensor, Tensor] | None:
    """Scores of shape (rows, classes), and the class ids by which one entry of each row was chosen."""
    scores, key = args[0], args[1:]
    if scores.dim() < 2:
        return None
    if function is not Tensor.__getitem__:
        axis, ids = key if len(key) == 2 else (0, None)
        axis = axis % scores.dim() if isinstance(axis, int) else 0
    elif scores.dim() == 2 and key and isinstance(key[0], tuple) and len(key[0]) == 2:
        axis, ids = 1, key[0][1]
    else:
        return None
    rows = scores.numel() // max(1, scores.shape[axis])
    if not isinstance(ids, Tensor) or not is_readable(ids) or ids.dtype != torch.int64 or not axis:
        return None
    if not ids.numel() == output.numel() == rows:
        return None
    if scores.dim() == 2:
        return scores, ids.reshape(-1)
    with torch.enable_grad():
        return scores.movedim(axis, -1).flatten(0, -2), ids.reshape(-1)


def _push(noted: list[Any], value: Any) -> None:
    if value is not None:
        noted.append(value)
        del noted[:-MOST_NOTED]


def _is_one(values: Tensor) -> bool:
    return bool((values - 1.0).abs().max() < CLOSE) if values.numel() else False


def _same(first: float, second: float, *, within: float) -> bool:
    return abs(first - second) <= within * max(first, second)
