"""How calls read the axes of a batch: layers over time, reshapes, norms and softmaxes over an axis, broadcasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AxisCalls", "Reshapes", "broadcast_of", "normalisation_of", "recurrence_of", "softmax_of"]

RESHAPES: frozenset[Any] = frozenset(
    {Tensor.view, Tensor.reshape, torch.reshape, Tensor.flatten, torch.flatten, Tensor.unflatten, torch.unflatten}
)

NORMALISATIONS: dict[Any, tuple[str, int, int]] = {
    functional.normalize: ("normalize", 2, 1),
    functional.cosine_similarity: ("cosine_similarity", 2, 1),
}
"""Name, position of the argument ``dim``, and its default."""


SOFTMAXES: frozenset[Any] = frozenset(
    {
        functional.softmax,
        functional.log_softmax,
        torch.softmax,
        torch.log_softmax,
        Tensor.softmax,
        Tensor.log_softmax,
    }
)

FIRST_BY_DEFAULT = (0, 1, 3)
"""Dimensions of which PyTorch takes the first, where no axis is given; of others it takes the second."""


ARITHMETIC: frozenset[Any] = frozenset(
    {
        torch.sub,
        torch.add,
        torch.mul,
        torch.div,
        Tensor.sub,
        Tensor.add,
        Tensor.mul,
        Tensor.div,
        Tensor.__sub__,
        Tensor.__rsub__,
        Tensor.__add__,
        Tensor.__mul__,
        Tensor.__truediv__,
    }
)


DIFFERENCES: frozenset[Any] = frozenset({torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})

MANY = 8
"""Outputs from which so many targets for each are no accident of sizes (our choice)."""

SEQUENTIAL = (nn.RNNBase, nn.MultiheadAttention)
"""Layers over sequences."""


class AxisCalls:
    """Notice the calls whose axes tell something.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = RESHAPES | frozenset(NORMALISATIONS) | SOFTMAXES | ARITHMETIC
    kinds = SEQUENTIAL

    def __init__(self, view: View) -> None:
        self._view = view
        self._reshapes = Reshapes()
        self.begin = self._reshapes.forget  # a sampled step begins

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Notice a layer over time."""
        self._view.notice(recurrence_of(module, inputs, self._view.where))

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Notice a function."""
        view = self._view
        if not view.learning or not isinstance(output, Tensor) or output.is_nested:
            return
        if function in SOFTMAXES:
            view.notice(softmax_of(function, args, kwargs, view.where, view.output))
        elif function in RESHAPES:
            view.notice(self._reshapes.see(function, args, output, view.where))
        elif function in NORMALISATIONS:
            view.notice(normalisation_of(function, args, kwargs, view.where))
        elif view.module is None:
            view.notice(broadcast_of(function, args, output, view.step))


def recurrence_of(module: nn.Module, inputs: tuple[Any, ...], where: str) -> facts.Recurrence | None:
    """The fact of a recurrent or attention layer that was given a batch of sequences; None for any other module."""
    if not isinstance(module, SEQUENTIAL):
        return None
    if not inputs or not isinstance(inputs[0], Tensor) or inputs[0].is_nested or inputs[0].dim() != 3:
        return None
    return facts.Recurrence(
        where=where, type=type(module).__name__, batch_first=module.batch_first, shape=tuple(inputs[0].shape)
    )


class Reshapes:
    """Reshapes of one step that rename axes and move no value.

    Either at once, (B, T, F) to (T, B, F), or in two: (B, T, F) joined to (B T, F), and that split to (T, B, F).
    """

    def __init__(self) -> None:
        self._joined: dict[int, set[tuple[int, int]]] = {}

    def forget(self) -> None:
        """Begin another step."""
        self._joined.clear()

    def see(
        self, function: Callable[..., Any], args: tuple[Any, ...], output: Tensor, where: str
    ) -> facts.Reinterpretation | None:
        """The fact, where a reshape gives a permutation of the shape; axes of length 1 move freely and do not count."""
        if function not in RESHAPES or not args or not isinstance(args[0], Tensor):
            return None
        before, after = tuple(args[0].shape), tuple(output.shape)
        joined = self._split(before, after) or before
        lengths, renamed = ([n for n in shape if n > 1] for shape in (joined, after))
        if lengths == renamed or sorted(lengths) != sorted(renamed) or len(lengths) < 2:
            return None
        file, line = user_place(2)
        name = getattr(function, "__name__", "")
        return facts.Reinterpretation(where=where, before=joined, after=after, function=name, file=file, line=line)

    def _split(self, before: Sequence[int], after: Sequence[int]) -> tuple[int, ...] | None:
        """What was joined, in its own order, where this splits it in the other; it notes what this joins."""
        joined = before[0] * before[1] if len(before) > 1 else 0
        if joined and after and after[0] == joined:
            self._joined.setdefault(joined, set()).add((before[0], before[1]))
        first, second = after[:2] if len(after) > 1 else (0, 0)
        if (
            first != second
            and before
            and before[0] == first * second
            and self._joined.get(before[0]) == {(second, first)}
        ):
            return (second, first, *after[2:])
        return None


def normalisation_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], where: str
) -> facts.Normalisation | None:
    """The fact of a norm or cosine over the first axis of activations; weights are normalised as their owner likes."""
    known = NORMALISATIONS.get(function)
    values: Any = args[0] if args else None
    if known is None or not isinstance(values, Tensor) or values.dim() < 2 or values.is_leaf:
        return None
    name, position, default = known
    axis = kwargs.get("dim", args[position] if len(args) > position else default)
    if not isinstance(axis, int) or axis % values.dim():
        return None
    file, line = user_place(2)
    return facts.Normalisation(where=where, function=name, axis=0, shape=tuple(values.shape), file=file, line=line)


def softmax_of(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    where: str,
    model_output: Tensor | None = None,
) -> facts.Softmax | None:
    """The fact of a softmax call, with its axis counted from 0; None for any other call."""
    values: Any = args[0] if args else None
    if function not in SOFTMAXES or not isinstance(values, Tensor):
        return None
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dims = values.dim()
    if axis is None:
        axis = 0 if dims in FIRST_BY_DEFAULT else 1
    if not isinstance(axis, int):
        return None
    file, line = user_place(2)
    return facts.Softmax(
        where=where,
        axis=axis % dims if dims else 0,
        shape=tuple(values.shape),
        of_output=values is model_output,
        file=file,
        line=line,
    )


def broadcast_of(
    function: Callable[..., Any], args: tuple[Any, ...], output: Tensor, step: int
) -> facts.Broadcast | None:
    """The fact, where (N, 1) and (N,) became (N, N): a result larger than both operands, each of which has N values.

    One of them comes from the model and the other does not, as an output and a target. Deliberate pairwise differences,
    of outputs among themselves or of (N, 1) against (1, N), are passed over. The same is told of an output (N, 1) and
    targets (N, N), which became so where they were made.
    """
    if function not in ARITHMETIC or len(args) < 2 or output.dim() != 2:
        return None
    first, second = args[0], args[1]
    if not isinstance(first, Tensor) or not isinstance(second, Tensor) or first.requires_grad == second.requires_grad:
        return None
    if not _pairs(first, second, output) and not (function in DIFFERENCES and _column_of_pairs(first, second)):
        return None
    file, line = user_place(2)
    return facts.Broadcast(
        step=step,
        first=tuple(first.shape),
        second=tuple(second.shape),
        result=tuple(output.shape),
        function=getattr(function, "__name__", ""),
        file=file,
        line=line,
    )


def _pairs(first: Tensor, second: Tensor, output: Tensor) -> bool:
    """Whether two tensors of N values, of one and of two axes, became N x N."""
    count = first.numel()
    return {first.dim(), second.dim()} == {1, 2} and second.numel() == count >= 2 and output.numel() == count**2


def _column_of_pairs(first: Tensor, second: Tensor) -> bool:
    """Whether one is the model's column of N outputs, and the other holds N x N numbers."""
    own, other = (first, second) if first.requires_grad else (second, first)
    count = own.numel()
    return count >= MANY and tuple(own.shape) == (count, 1) and tuple(other.shape) == (count, count)
