"""One update measured by operations on whole lists of tensors, where these are alike, as in most models they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

__all__ = ["AlikeUpdate", "are_alike"]

_transformed = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore
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
                or _transformed(tensor)
                or not tensor.untyped_storage().size()  # FSDP gives memory back between the passes
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
        now: list[Tensor] = []
        scales: list[float] = []
        spread: list[Tensor] = []
        compared: list[int] = []
        for place, (i, old) in enumerate(olds.items()):
            now.append(weights[i].reshape(-1)[::stride])
            scales.append(math.sqrt(sizes[i] / old.numel()))
            if i in gradients:
                compared.append(place)
                spread.append(gradients[i].reshape(-1)[::stride])
        changes = torch._foreach_sub(now, list(olds.values())) if now else []  # pyright: ignore[reportPrivateUsage]
        against = changes if len(compared) == len(changes) else [changes[place] for place in compared]
        parts = torch._foreach_norm([*weights, *given, *changes, *spread])  # pyright: ignore[reportPrivateUsage]
        if given:
            parts += torch._foreach_norm(given, math.inf)  # pyright: ignore[reportPrivateUsage]
        return cls(
            positions=list(gradients),
            changed=list(olds),
            compared=compared,
            sizes=sizes,
            scales=scales,
            norms=torch.stack((*parts, *map(torch.dot, against, spread))),
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
