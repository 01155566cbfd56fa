"""Which coordinates of a tensor are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from unstuck.errors import ArgumentError

__all__ = ["SAMPLE", "Coordinates", "choose", "on_purpose", "validated"]

SAMPLE = 24
"""Coordinates of each tensor that are checked where a number is not given."""

Coordinates = int | Literal["all"] | Mapping[str, Sequence[int]] | None


def validated(coordinates: Coordinates, tensors: Mapping[str, Tensor]) -> Coordinates:
    """The choice as given.

    Raises:
        ArgumentError: It is none, or names what does not exist.
    """
    if isinstance(coordinates, Mapping):
        for name, places in coordinates.items():
            if name not in tensors:
                raise ArgumentError(f"coordinates: no tensor is called {name!r}; known are {', '.join(tensors)}")
            size = tensors[name].numel()
            if isinstance(places, str) or not _whole_numbers(places):
                raise ArgumentError(f"coordinates[{name!r}]={places!r}: a list of flat indices is accepted")
            outside = [place for place in places if not 0 <= place < size]
            if outside:
                raise ArgumentError(
                    f"coordinates[{name!r}]: {outside[0]} is not among its entries; 0 to {size - 1} are accepted"
                )
    elif coordinates is not None and coordinates != "all" and (type(coordinates) is not int or coordinates < 1):
        raise ArgumentError(
            f'coordinates={coordinates!r}: "all", a number from 1 of each tensor, or flat indices by name are accepted'
        )
    return coordinates


def _whole_numbers(places: object) -> bool:
    return isinstance(places, Sequence) and all(type(place) is int for place in cast("Sequence[object]", places))


def choose(name: str, gradient: Tensor, coordinates: Coordinates, generator: torch.Generator) -> Tensor:
    """Flat indices of one tensor, sorted.

    A sample takes one entry from each of as many equal stretches, so that no part of the tensor goes unseen; half of it
    comes from the entries whose gradient is not zero, for most of an embedding's are.
    """
    size = gradient.numel()
    coordinates = SAMPLE if coordinates is None else coordinates
    if isinstance(coordinates, Mapping):
        return torch.tensor(sorted(set(coordinates.get(name, ()))), dtype=torch.int64)
    if coordinates == "all" or size <= coordinates:
        return torch.arange(size)
    alive = gradient.reshape(-1).nonzero()[:, 0].cpu()
    lively = alive[_stratified(len(alive), min(len(alive), (coordinates + 1) // 2), generator)]
    left = torch.ones(size, dtype=torch.bool)
    left[lively] = False
    others = left.nonzero()[:, 0]
    return torch.cat([lively, others[_stratified(len(others), coordinates - len(lively), generator)]]).sort().values


def on_purpose(model: object) -> dict[str, tuple[str, slice]]:
    """Parts of parameters whose gradient differs on purpose from the derivative, by name, with the reason."""
    found: dict[str, tuple[str, slice]] = {}
    if not isinstance(model, nn.Module):
        return found
    for path, module in model.named_modules():
        if not isinstance(module, nn.Embedding | nn.EmbeddingBag):
            continue
        name = f"{path}.weight".lstrip(".")
        width = module.embedding_dim
        if module.scale_grad_by_freq or module.max_norm is not None:
            reason = "scale_grad_by_freq divides its gradient" if module.scale_grad_by_freq else "max_norm rescales it"
            found[name] = (f"{name}: {reason}, so that it is no derivative; not checked", slice(0, None))
        elif module.padding_idx is not None:
            row = slice(module.padding_idx * width, (module.padding_idx + 1) * width)
            found[name] = (f"{name}: row {module.padding_idx} is padding, which gets no gradient; not checked", row)
    return found


def _stratified(size: int, count: int, generator: torch.Generator) -> Tensor:
    if not count:
        return torch.zeros(0, dtype=torch.int64)
    edges = torch.linspace(0, size, count + 1, dtype=torch.float64)
    draws = torch.rand(count, generator=generator, dtype=torch.float64)
    return (edges[:-1] + draws * (edges[1:] - edges[:-1])).long().clamp(max=size - 1).unique()
