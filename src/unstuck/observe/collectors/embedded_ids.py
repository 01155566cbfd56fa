"""Which sequences of ids does a model turn into vectors, and which of their positions are padding?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.collectors.padding import padding_of
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.record.signals import Signal

__all__ = ["Embedded", "EmbeddedIds"]

MOST = 8
"""Sequences of a step that are kept."""

AXES = 2

ARGUMENTS: dict[Any, tuple[str, ...]] = {
    functional.embedding: ("input", "weight", "padding_idx"),
    torch.embedding: ("weight", "indices", "padding_idx"),
    Tensor.__getitem__: ("weight", "indices"),
}
"""Names of the arguments, in their order."""


@dataclass(frozen=True)
class Embedded:
    """A sequence of ids that was turned into vectors.

    Attributes:
        ids: Shape (examples, positions) or (positions, examples).
        vectors: The same with one more axis.
        declared: The id of padding, where the layer was given one.
        rows: How many ids the table has.
    """

    ids: Tensor
    vectors: Tensor
    declared: int | None
    rows: int

    @cached_property
    def padding(self) -> Tensor | None:
        """True where there is padding, in the shape of the ids; None where none is recognised."""
        return padding_of(self.ids, self.declared)


class EmbeddedIds:
    """Keep what is looked up in tables of vectors by sequences of ids, for those who ask later in the step.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset(ARGUMENTS)

    def __init__(self, view: View) -> None:
        self._view = view

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a table that is read."""
        given = dict(zip(ARGUMENTS[function], args, strict=False)) | kwargs
        ids, table, declared = given.get("input", given.get("indices")), given.get("weight"), given.get("padding_idx")
        if not isinstance(ids, Tensor) or not isinstance(table, Tensor) or type(output) is not Tensor:
            return
        if ids.dim() != AXES or ids.is_floating_point() or ids.dtype == torch.bool or table.dim() != AXES:
            return
        if not is_readable(ids) or not is_readable(output) or len(self._view.embedded) >= MOST:
            return
        if table.requires_grad or function is not Tensor.__getitem__:
            declared = declared if isinstance(declared, int) else None
            self._view.embedded.append(Embedded(ids.detach(), output, declared, len(table)))
