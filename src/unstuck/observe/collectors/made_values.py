"""What a program makes of the outputs of its networks, outside of them: sums with data, products with discounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place

__all__ = ["FOLLOWED", "PRODUCTS", "SUMS", "Made", "MadeValues"]

SUMS: frozenset[Any] = frozenset(
    {
        *(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.add_, Tensor.__iadd__),
        *(torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__, Tensor.sub_, Tensor.__isub__),
    }
)
PRODUCTS: frozenset[Any] = frozenset(
    {torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__, Tensor.mul_, Tensor.__imul__}
)
CHOICES: frozenset[Any] = frozenset(
    {
        *(torch.max, Tensor.max, torch.amax, Tensor.amax, torch.min, Tensor.min, torch.amin, Tensor.amin),
        *(torch.minimum, torch.maximum, torch.gather, Tensor.gather, Tensor.__getitem__, torch.cat, torch.stack),
        *(torch.clamp, Tensor.clamp, torch.logsumexp, Tensor.logsumexp, torch.sum, Tensor.sum),
    }
)
MASKS: frozenset[Any] = frozenset(
    {torch.where, Tensor.where, Tensor.masked_fill, Tensor.masked_fill_, torch.masked_fill, Tensor.__setitem__}
)

FOLLOWED = SUMS | PRODUCTS | CHOICES | MASKS

MOST_KEPT = 256
"""Tensors of a step that are followed, the latest."""

MOST_VALUES = 1 << 16
"""Values of one of them."""


@dataclass(frozen=True)
class Made:
    """What a tensor is made of.

    Attributes:
        values: The tensor, without its graph; it keeps the memory by which views of it are recognised.
        sources: Identities of the modules whose outputs went in.
        discount: Product of the factors since.
        masked: Whether some of its values may have been chosen otherwise, by a mask.
        plain: Whether nothing was added but one tensor of data.
        data: The data that were added, a number to each value.
        bootstrapped: What they were added to.
        file: The user's file that added them.
        line: The line of that.
    """

    values: Tensor
    sources: frozenset[int]
    discount: float = 1.0
    masked: bool = False
    plain: bool = True
    data: Tensor | None = None
    bootstrapped: Tensor | None = None
    file: str | None = None
    line: int | None = None


class MadeValues:
    """Follow the values of one step.

    Views are recognised by their memory, so that nothing need be seen of reshaping, slicing and detaching.

    Examples:
        >>> output, reward = torch.tensor([[2.0], [4.0]]), torch.tensor([1.0, 0.0])
        >>> known = MadeValues()
        >>> known.source(7, output)
        >>> discounted = 0.5 * output.squeeze(1)
        >>> known.call(Tensor.__rmul__, (output.squeeze(1), 0.5), discounted)
        >>> target = reward + discounted
        >>> known.call(Tensor.add, (reward, discounted), target)
        >>> made = known.of(target)
        >>> made.discount, made.data.tolist(), sorted(made.sources)
        (0.5, [1.0, 0.0], [7])
    """

    def __init__(self) -> None:
        self._known: dict[int, Made] = {}

    def forget(self) -> None:
        """A new step begins."""
        self._known.clear()

    def of(self, value: object) -> Made | None:
        """What a tensor is made of; None for anything else than what networks gave."""
        if not self._known or not isinstance(value, Tensor) or not is_readable(value):
            return None
        return self._known.get(value.untyped_storage().data_ptr())

    def source(self, module: int, output: Tensor) -> None:
        """An output of a module."""
        self._keep(Made(output.detach(), frozenset((module,))))

    def call(self, function: Any, args: tuple[Any, ...], output: Any) -> None:
        """A function was called."""
        given = list(_tensors(args))
        known = [made for tensor in given if (made := self.of(tensor)) is not None]
        if not known:
            return
        made = args[0] if function is Tensor.__setitem__ else _first(output)
        if not isinstance(made, Tensor) or not made.is_floating_point() or not is_readable(made):
            return
        joined = _joined(made.detach(), known)
        others = [tensor for tensor in given if self.of(tensor) is None]
        if function in SUMS:
            joined = self._added(joined, args, others)
        elif function in PRODUCTS:
            joined = _multiplied(joined, args, others)
        elif function in MASKS and not (function is Tensor.__setitem__ and not isinstance(args[1], Tensor)):
            joined = replace(joined, masked=True)
        self._keep(joined)

    def _added(self, made: Made, args: Sequence[Any], others: Sequence[Tensor]) -> Made:
        data = others[0] if len(others) == 1 else None
        if data is None:
            return replace(made, plain=made.plain and not _several(self, args))
        if data.requires_grad or not data.is_floating_point() or data.numel() != made.values.numel() < 2:
            return replace(made, plain=False)
        source = next(tensor for tensor in _tensors(args) if self.of(tensor) is not None)
        file, line = user_place(2)
        plain = made.plain and made.data is None
        return replace(made, plain=plain, data=data.detach(), bootstrapped=source.detach(), file=file, line=line)

    def _keep(self, made: Made) -> None:
        if 0 < made.values.numel() <= MOST_VALUES and is_readable(made.values):
            self._known[made.values.untyped_storage().data_ptr()] = made
            if len(self._known) > MOST_KEPT:
                del self._known[next(iter(self._known))]


def _joined(values: Tensor, known: Sequence[Made]) -> Made:
    """What is made of several: of rewards those of the first that has any."""
    rewarded = next((made for made in known if made.data is not None), known[0])
    return replace(
        rewarded,
        values=values,
        sources=frozenset[int]().union(*(made.sources for made in known)),
        discount=max(abs(made.discount) for made in known),
        masked=any(made.masked for made in known),
        plain=all(made.plain for made in known),
    )


def _multiplied(made: Made, args: Sequence[Any], others: Sequence[Tensor]) -> Made:
    """Times a discount, or a tensor of them with zeros where an episode ends."""
    number = next((arg for arg in args if isinstance(arg, int | float) and not isinstance(arg, bool)), None)
    if number is not None:
        return replace(made, discount=made.discount * abs(float(number)))
    if not others or others[0].requires_grad or not others[0].numel() or not is_readable(others[0]):
        return replace(made, plain=False)
    factors = others[0].detach().double().abs()
    return replace(
        made, discount=made.discount * float(factors.max()), masked=made.masked or bool((factors == 0).any())
    )


def _several(values: MadeValues, args: Sequence[Any]) -> bool:
    return sum(values.of(arg) is not None for arg in args) > 1


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    """Tensors that are given directly, or in a list."""
    for value in args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from (one for one in value if isinstance(one, Tensor))


def _first(output: Any) -> Any:
    """An output, or of several that of values, which comes before that of indices."""
    return output[0] if isinstance(output, tuple) and output else output
