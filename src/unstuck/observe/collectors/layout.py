"""How calls read the axes of a batch: layers over time, reshapes that rename axes, norms over the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["Reshapes", "normalisation_of", "recurrence_of"]

RESHAPES: frozenset[Any] = frozenset(
    {Tensor.view, Tensor.reshape, torch.reshape, Tensor.flatten, torch.flatten, Tensor.unflatten, torch.unflatten}
)

NORMALISATIONS: dict[Any, tuple[str, int, int]] = {
    functional.normalize: ("normalize", 2, 1),
    functional.cosine_similarity: ("cosine_similarity", 2, 1),
}
"""Name, position of the argument ``dim``, and its default."""


def recurrence_of(module: nn.Module, inputs: tuple[Any, ...], where: str) -> facts.Recurrence | None:
    """The fact of a recurrent or attention layer that was given a batch of sequences; None for any other module."""
    if not isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return None
    if not inputs or not isinstance(inputs[0], Tensor) or inputs[0].dim() != 3:
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
