"""One update measured by operations on whole lists of tensors, where these are alike, as in most models they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import are_readable

__all__ = ["AlikeUpdate", "are_alike", "are_small", "joined"]

SMALL_VALUES = 1_024
"""Mean size of tensors below which joining them takes less than one operation on each."""

_dtype, _device = map(attrgetter, ("dtype", "device"))


def are_alike(*groups: Collection[Tensor]) -> bool:
    """Whether all tensors of all groups are readable, of PyTorch's own types, not empty, of float32 and on one device.

    Of these no norm overflows, and PyTorch reduces a whole list of them by one call.

    Examples:
        >>> are_alike([torch.ones(2)], [torch.ones(3, 4)]), are_alike([torch.ones(2), torch.ones(2).double()])
        (True, False)
    """
    return (
        all(map(are_readable, groups))
        and {*map(_dtype, chain(*groups))} <= {torch.float32}
        and len({*map(_device, chain(*groups))}) <= 1
    )


def are_small(sizes: Sequence[int]) -> bool:
    """Whether it takes less to join tensors of so many values than to compute with each."""
    return sum(sizes) <= SMALL_VALUES * len(sizes)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """All values of tensors that are alike in one flat copy, made by one call.

    Examples:
        >>> joined([torch.ones(2), torch.zeros(1, 1)])
        tensor([1., 1., 0.])
    """
    if len(tensors) == 1:  # of which the call below gives a view
        return tensors[0].detach().reshape(-1).clone()
    if {*map(Tensor.dim, tensors)} == {1}:  # a fifth of the time
        return torch.cat(list(tensors)).detach()
    return torch._C._nn.flatten_dense_tensors(list(tensors)).detach()  # pyright: ignore


@dataclass(frozen=True)
class AlikeUpdate:
    """Numbers of one update that are still on their device.

    Attributes:
        positions: The parameters that have gradients.
        changed: The parameters that may have changed.
        compared: Places, among these, of those that have gradients.
        sizes: Values of each parameter.
        scales: For each parameter that may have changed, what its change is multiplied by, of which a part was taken.
        norms: Norms and products, one after the other: see :meth:`measure`.
        nonzero: How many values of each gradient are not zero.
    """

    positions: Sequence[int]
    changed: Sequence[int]
    compared: Sequence[int]
    sizes: Sequence[int]
    scales: Sequence[float]
    norms: Tensor
    nonzero: Tensor | None

    @classmethod
    def measure(
        cls, weights: Sequence[Tensor], gradients: Mapping[int, Tensor], olds: Mapping[int, Tensor], stride: int
    ) -> AlikeUpdate:
        """Reduce weights, gradients and changes.

        Args:
            weights: The parameters after the update.
            gradients: Gradients by the position of their parameter.
            olds: Flat copies of every ``stride``-th value from before the update, by position.
            stride: That stride.
        """
        given, sizes = list(gradients.values()), list(map(Tensor.numel, weights))
        compared = [place for place, i in enumerate(olds) if i in gradients]
        scales = [math.sqrt(sizes[i] / old.numel()) for i, old in olds.items()]
        reduce = _reduce_joined if stride == 1 and are_small(sizes) else _reduce
        now, spread = [weights[i] for i in olds], [gradients[i] for i in olds if i in gradients]
        if stride > 1:
            now, spread = ([tensor.reshape(-1)[::stride] for tensor in tensors] for tensors in (now, spread))
        norms, nonzero = reduce(weights, given, now, list(olds.values()), spread, compared)
        return cls(
            positions=list(gradients),
            changed=list(olds),
            compared=compared,
            sizes=sizes,
            scales=scales,
            norms=norms,
            nonzero=nonzero,
        )

    @classmethod
    def of_all(cls, weights: Sequence[Tensor], gradient: Tensor, old: Tensor) -> AlikeUpdate:
        """The same of many small parameters which all have gradients, and may all have changed.

        Args:
            weights: The parameters after the update.
            gradient: Their gradients, :func:`joined`.
            old: The parameters before the update, joined.
        """
        norms, nonzero = _reduce_whole(joined(weights).double(), gradient.double(), old.double(), weights)
        every = range(len(weights))
        return cls(
            positions=every,
            changed=every,
            compared=every,
            sizes=list(map(Tensor.numel, weights)),
            scales=[1.0] * len(weights),
            norms=norms,
            nonzero=nonzero,
        )

    @property
    def tensors(self) -> list[Tensor]:
        """What is to be fetched."""
        return [self.norms] if self.nonzero is None else [self.norms, self.nonzero]

    def columns(self, norms: Sequence[float], nonzero: Sequence[float] = ()) -> list[list[float]]:
        """What was fetched, arranged by parameters; NaN where one does not have the quantity.

        Returns:
            Norm, greatest value and share of zeros of the gradient, norms of weights and update, and the cosine
            between update and gradient.
        """
        rest = iter(norms)
        missing = [math.nan] * len(self.sizes)
        weight = list(islice(rest, len(self.sizes)))
        gradient, largest, zeros, update, cosine = map(list, (missing,) * 5)
        norm = list(islice(rest, len(self.positions)))
        change = list(islice(rest, len(self.changed)))
        spread = list(islice(rest, len(self.compared)))
        for i, value, most, count in zip(self.positions, norm, rest, nonzero, strict=False):
            gradient[i], largest[i], zeros[i] = value, most, 1.0 - count / self.sizes[i]
        for i, value, scale in zip(self.changed, change, self.scales, strict=True):
            update[i] = value * scale
        for place, value, product in zip(self.compared, spread, rest, strict=True):
            length = value * change[place]
            cosine[self.changed[place]] = product / length if length else math.nan
        return [gradient, largest, zeros, weight, update, cosine]


def _reduce(
    weights: Sequence[Tensor],
    given: Sequence[Tensor],
    now: Sequence[Tensor],
    olds: Sequence[Tensor],
    spread: Sequence[Tensor],
    compared: Sequence[int],
) -> tuple[Tensor, Tensor | None]:
    """Norms and products, and how many values are not zero, tensor by tensor."""
    now = [tensor.reshape(-1) for tensor in now]
    spread = [tensor.reshape(-1) for tensor in spread]
    changes = torch._foreach_sub(now, list(olds)) if now else []  # pyright: ignore[reportPrivateUsage]
    against = changes if len(compared) == len(changes) else [changes[place] for place in compared]
    parts = torch._foreach_norm([*weights, *given, *changes, *spread])  # pyright: ignore[reportPrivateUsage]
    if given:
        parts += torch._foreach_norm(list(given), math.inf)  # pyright: ignore[reportPrivateUsage]
    norms = torch.stack((*parts, *map(torch.dot, against, spread)))
    return norms, torch.stack(list(map(torch.count_nonzero, given))) if given else None


def _reduce_joined(
    weights: Sequence[Tensor],
    given: Sequence[Tensor],
    now: Sequence[Tensor],
    olds: Sequence[Tensor],
    spread: Sequence[Tensor],
    compared: Sequence[int],
) -> tuple[Tensor, Tensor | None]:
    """The same as :func:`_reduce` of many small tensors: as many operations as for one."""
    products: list[Tensor] = []
    parts = [segment_sums(joined(weights).double().square(), weights).sqrt()]
    gradient = joined(given).double() if given else None
    if gradient is not None:
        parts.append(segment_sums(gradient.square(), given).sqrt())
    if now:
        change = joined(now).double() - joined(olds).double()
        parts.append(segment_sums(change.square(), now).sqrt())
        if spread:
            against = joined(spread).double()
            parts.append(segment_sums(against.square(), spread).sqrt())
            if len(compared) < len(now):
                pieces = change.split(list(map(Tensor.numel, now)))
                change = joined([pieces[place] for place in compared])
            products = [segment_sums(change * against, spread)]
    if gradient is None:
        return torch.cat([*parts, *products]), None
    largest = segment_sums(gradient.abs(), given, "max")
    return torch.cat([*parts, largest, *products]), segment_sums((gradient != 0).double(), given)


def _reduce_whole(weight: Tensor, gradient: Tensor, old: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The same where every tensor has a gradient, and may have changed, from all values of all tensors."""
    change = weight - old
    values = torch.stack((weight, gradient, change, change, gradient != 0), dim=1)
    values[:, :3] *= values[:, :3]
    values[:, 3] *= gradient
    sums = segment_sums(values, tensors)
    own, slope, moved = sums[:, :3].sqrt().unbind(dim=1)
    largest = segment_sums(gradient.abs(), tensors, "max")
    return torch.cat([own, slope, moved, slope, largest, sums[:, 3]]), sums[:, 4]


def segment_sums(values: Tensor, tensors: Sequence[Tensor], how: str = "sum") -> Tensor:
    """The values of each tensor, which follow one another, reduced to one number; of a matrix, column by column."""
    lengths = torch.tensor(list(map(Tensor.numel, tensors)), device=values.device)
    return torch.segment_reduce(values, how, lengths=lengths, unsafe=True)
