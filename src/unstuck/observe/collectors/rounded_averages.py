"""Do running averages of the weights move, where they are kept in half precision?"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.lost_updates import HALVES
from unstuck.observe.collectors.made_values import PRODUCTS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_site
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["RoundedAverages", "lost_way"]

LERPS: frozenset[Any] = frozenset({Tensor.lerp_, Tensor.lerp, torch.lerp})
FOREACH_LERP: Any = torch._foreach_lerp_  # pyright: ignore[reportPrivateUsage]
LISTS: frozenset[Any] = frozenset({FOREACH_LERP, torch._foreach_mul_})  # pyright: ignore[reportPrivateUsage]

SLOW = 0.5
"""Factor from which what is multiplied is an average that decays slowly."""

MOST_TENSORS = 64
"""Tensors of averages that are looked at in one step."""

MOST_VALUES = 1 << 16

LOOKS = 8
"""Steps from which it is known, and told."""


class RoundedAverages:
    """Look at what half precision leaves of each step of an average, in whichever spelling it is taken.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = LERPS | PRODUCTS | LISTS

    def __init__(self, view: View) -> None:
        self._view = view
        self._step, self._left = -1, 0
        self._lost: list[tuple[float, float]] = []
        self._shares: list[float] = []
        self._type = ""

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at an average of a weight that is about to take a step, or has just done so."""
        first = args[0] if args else None
        one = first[0] if isinstance(first, list | tuple) and first else first
        if not isinstance(one, Tensor) or one.dtype not in HALVES or one.requires_grad or len(self._shares) >= LOOKS:
            return
        self._turn()
        for average, rate in _averages(function, args, kwargs):
            if self._left > 0 and 0.0 < rate < SLOW:
                self._take(function, average, rate)

    def _turn(self) -> None:
        """Begin a step, if it is another one; sum up the one before."""
        view = self._view
        if view.updates == self._step:
            return
        self._step, self._left = view.updates, MOST_TENSORS
        total = sum(whole for _, whole in self._lost)
        if total > 0.0:
            self._shares.append(sum(lost for lost, _ in self._lost) / total)
        self._lost = []
        if len(self._shares) == LOOKS:
            site = user_site(3)
            view.noticed.append(
                facts.RoundedAverage(
                    step=view.updates,
                    share=median(self._shares[LOOKS // 2 :]),
                    type=self._type,
                    file=site.file,
                    line=site.line,
                )
            )

    def _take(self, function: Any, average: Tensor, rate: float) -> None:
        weight = self._weight_of(average)
        if weight is None:
            return
        self._left -= 1
        self._type = str(average.dtype).removeprefix("torch.")
        some = average.reshape(-1)[:MOST_VALUES], weight.reshape(-1)[:MOST_VALUES]
        lost, whole = lost_way(*some, rate, apart=function not in LERPS | {FOREACH_LERP})
        self._lost.append((float(lost), float(whole)))

    def _weight_of(self, average: Tensor) -> Tensor | None:
        """The weight that a tensor averages: of those of its shape, the nearest; None where it is one itself."""
        if not is_readable(average):
            return None
        alike = [p.detach() for p in self._view.parameters if p.shape == average.shape and is_readable(p)]
        if any(p.data_ptr() == average.data_ptr() for p in alike) or not alike:
            return None
        some = average.reshape(-1)[:MOST_VALUES].float()
        return min(alike, key=lambda p: float((p.reshape(-1)[:MOST_VALUES].float() - some).abs().sum()))


def lost_way(average: Tensor, weight: Tensor, rate: float, *, apart: bool = False) -> tuple[Tensor, Tensor]:
    r"""What rounding leaves undone of one step of an average, and how far it is from the weight.

    .. math::
        \sum_{i:\, \mathrm{fl}(a_i + r (w_i - a_i)) = a_i} |w_i - a_i|, \qquad \sum_i |w_i - a_i|

    Where the product and the sum are rounded apart, an entry stays if it does so in both,
    :math:`\mathrm{fl}((1 - r) a_i) = a_i = \mathrm{fl}(a_i + r w_i)`.

    Args:
        average: The average :math:`a`, in its own type.
        weight: The weight :math:`w`.
        rate: The share :math:`r` of the way that it goes in a step.
        apart: Whether the product and the sum are rounded apart.

    Examples:
        >>> average, weight = torch.tensor([1.0, 0.0], dtype=torch.bfloat16), torch.tensor([1.5, 0.5])
        >>> lost_way(average, weight, 0.001)
        (tensor(0.5000), tensor(1.))
    """
    wide = average.float()
    goal = weight.float()
    way = goal - wide

    def stays(values: Tensor) -> Tensor:
        return values.to(average.dtype) == average

    still = stays((1.0 - rate) * wide) & stays(wide + rate * goal) if apart else stays(wide + rate * way)
    return torch.where(still, way.abs(), 0.0).sum(), way.abs().sum()


def _averages(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[Tensor, float]]:
    """Each tensor that a call may average, and the share of the way that it goes."""
    first, factor = args[0], args[1] if len(args) > 1 else kwargs.get("other")
    if function in LERPS or function is FOREACH_LERP:
        rate = kwargs.get("weight", args[2] if len(args) > 2 else None)
    else:
        rate = 1.0 - factor if isinstance(factor, float) else None
    if isinstance(rate, int | float):
        for one in first if isinstance(first, list | tuple) else (first,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(one, Tensor) and one.dtype in HALVES:
                yield one, float(rate)
