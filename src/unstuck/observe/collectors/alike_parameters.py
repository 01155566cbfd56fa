"""One update measured by operations on whole lists of tensors, where these are alike, as in most models they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["AlikeUpdate", "are_alike"]

_ORDINARY = (Tensor, nn.Parameter, nn.Buffer)


def are_alike(*groups: Collection[Tensor]) -> bool:
    """Whether all tensors of all groups are ordinary ones: dense, not empty, of float32, on one device.

    Of these no norm overflows, and PyTorch reduces a whole list of them by one call.

    Examples:
        >>> are_alike([torch.ones(2)], [torch.ones(3, 4)]), are_alike([torch.ones(2), torch.ones(2).double()])
        (True, False)
    """
    device: torch.device | None = None
    for group in groups:
        for tensor in group:
            # A loop, and no function of its own for one tensor: this runs through all parameters of a model.
            if (
                type(tensor) not in _ORDINARY
                or tensor.dtype is not torch.float32
                or tensor.layout is not torch.strided
                or tensor.is_nested
                or tensor.is_meta
                or not tensor.numel()
                or tensor.device != (device or tensor.device)
            ):
                return False
            device = tensor.device
    return True


@dataclass(frozen=True)
class AlikeUpdate:
    """Numbers of one update that are still on their device.

    Attributes:
        positions: The parameters that have gradients.
        changed: The parameters that may have changed.
        compared: Those of them that have gradients.
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
        given, before = list(gradients.values()), list(olds.values())
        now = [weights[i].reshape(-1)[::stride] for i in olds]
        changes = torch._foreach_sub(now, before) if now else []  # pyright: ignore[reportPrivateUsage]
        compared = [i for i in olds if i in gradients]
        spread = [gradients[i].reshape(-1)[::stride] for i in compared]
        moved = dict(zip(olds, changes, strict=True))
        parts = (
            *_norms(weights),
            *_norms(given),
            *_norms(given, math.inf),
            *_norms(changes),
            *_norms(spread),
            *map(torch.dot, [moved[i] for i in compared], spread),
        )
        sizes = [weight.numel() for weight in weights]
        return cls(
            positions=list(gradients),
            changed=list(olds),
            compared=compared,
            sizes=sizes,
            scales=[math.sqrt(sizes[i] / change.numel()) for i, change in moved.items()],
            norms=torch.stack(parts),
            nonzero=torch.stack(list(map(torch.count_nonzero, given))) if given else None,
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
        number, given, changed = len(self.sizes), len(self.positions), len(self.changed)
        lengths = (number, given, given, changed, len(self.compared), len(self.compared))
        ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
        weight, gradient, largest, change, spread, products = (
            norms[end - length : end] for end, length in zip(ends, lengths, strict=True)
        )
        columns = [[math.nan] * number for _ in range(6)]
        columns[3] = list(weight)
        for i, norm, most, count in zip(self.positions, gradient, largest, nonzero, strict=True):
            columns[0][i], columns[1][i], columns[2][i] = norm, most, 1.0 - count / self.sizes[i]
        moved = dict(zip(self.changed, change, strict=True))
        for (i, norm), scale in zip(moved.items(), self.scales, strict=True):
            columns[4][i] = norm * scale
        for i, norm, product in zip(self.compared, spread, products, strict=True):
            length = norm * moved[i]
            columns[5][i] = product / length if length else math.nan
        return columns


def _norms(tensors: Sequence[Tensor], order: float = 2.0) -> Sequence[Tensor]:
    return torch._foreach_norm(list(tensors), order) if tensors else ()  # pyright: ignore[reportPrivateUsage]
