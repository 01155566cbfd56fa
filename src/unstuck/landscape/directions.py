"""Random directions that are as large as the weights, filter by filter."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unstuck.curvature import Landscape
from unstuck.errors import ArgumentError

__all__ = ["Weights", "filter_directions"]

Weights = Mapping[str, Tensor]
"""All weights, or a direction in their space, by name."""

NORMALISATIONS = (
    nn.modules.batchnorm._NormBase,  # pyright: ignore[reportPrivateUsage]
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
TINY = 1e-30  #: length below which a filter of random numbers has no direction


def filter_directions(landscape: Landscape, *, count: int = 2, seed: int = 0) -> tuple[Weights, ...]:
    r"""Draw directions and give each filter of them the norm of the model's own filter.

    .. math:: d_{i,j} \leftarrow \frac{d_{i,j}}{\|d_{i,j}\|}\, \|w_{i,j}\|

    A filter is what makes one output: of a convolution one of its kernels over all inputs, of a linear layer a row. A
    network whose weights are twice as large and whose next layer divides by two has the same loss; measured in sizes
    of filters, both look the same. Biases and whatever a normalisation scales and shifts by stay where they are.

    Args:
        landscape: The loss about the weights.
        count: How many directions.
        seed: Of the draw.

    Raises:
        ArgumentError: Nothing is left to move: no weight has filters, or all of them are zero.

    Source: Li et al., "Visualizing the loss landscape of neural nets" (2018), section 4.
    """
    generator = torch.Generator().manual_seed(seed)
    modules = dict(landscape.problems[0].objective.named_modules())
    drawn = [
        {name: _direction(name, w.detach(), modules, generator) for name, w in landscape.leaves.items()}
        for _ in range(count)
    ]
    if not any(bool(part.any()) for part in drawn[0].values()):
        raise ArgumentError(
            "model: none of its weights has filters that are not zero, so that there is no direction to look along; "
            "give weights along a path, or weights that are not zero"
        )
    return tuple(drawn)


def _direction(name: str, w: Tensor, modules: Mapping[str, nn.Module], generator: torch.Generator) -> Tensor:
    drawn = torch.randn(w.shape, generator=generator, dtype=torch.float64).to(w)
    owner = modules.get(f"call.{name.rpartition('.')[0]}".rstrip("."))
    if w.ndim < 2 or isinstance(owner, NORMALISATIONS):
        return torch.zeros_like(w)
    groups = owner.groups if isinstance(owner, TRANSPOSED) else 0
    sizes, lengths = _norms(w, groups), _norms(drawn, groups)
    return drawn * (sizes / lengths.clamp(min=TINY))


def _norms(w: Tensor, groups: int) -> Tensor:
    """The norm of each filter, to multiply the tensor with; a transposed convolution has its outputs second."""
    if not groups:
        return w.flatten(1).norm(dim=1).reshape(-1, *[1] * (w.ndim - 1))
    apart = w.reshape(groups, len(w) // groups, w.shape[1], -1)
    norms = apart.square().sum(dim=(1, 3)).sqrt()
    return norms.repeat_interleave(len(w) // groups, dim=0).reshape(len(w), w.shape[1], *[1] * (w.ndim - 2))
