"""The same model under several initialisations, side by side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from torch import nn

from unstuck.init import drawing
from unstuck.init.initialize import initialize
from unstuck.init.schemes import Scheme
from unstuck.init.statistics import ActivationStatistics, activation_statistics
from unstuck.init.table import plain_table, rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison:
    """The activation statistics of each scheme by its name; prints as a table of standard deviations."""

    by_scheme: Mapping[str, ActivationStatistics]

    def __getitem__(self, scheme: str) -> ActivationStatistics:
        return self.by_scheme[scheme]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_scheme)

    def __len__(self) -> int:
        return len(self.by_scheme)

    def plot(self, *, columns: int = 8) -> Figure:
        """Return a matplotlib figure: a row of histograms for each scheme, ``columns`` of the layers, first to last.

        Raises:
            MissingPackageError: If matplotlib is missing (``pip install 'unstuck[plot]'``).
        """
        rows = {scheme: statistics.layers for scheme, statistics in self.by_scheme.items()}
        return drawing.histograms(rows, columns=columns)

    def __rich__(self) -> Table:
        table = plain_table("std of the activations")
        table.add_column("layer", overflow="fold")
        for scheme in self.by_scheme:
            table.add_column(scheme, justify="right")
        for rows in zip(*self.by_scheme.values(), strict=True):
            table.add_row(rows[0].layer, *(f"{row.std:.3g}" for row in rows))
        return table

    def __str__(self) -> str:
        return rendered(self)


def compare_initialisations(
    model: nn.Module,
    batch: object,
    schemes: Sequence[str | Scheme] = ("normal", "small", "xavier", "he", "auto"),
    *,
    seed: int = 0,
) -> Comparison:
    """Initialise a copy of the model by each scheme, run the batch through it, and set the activations side by side.

    The well-known figure: with weights too small the outputs of deep layers collapse to one value, with weights too
    large they saturate or explode, with the right ones their histograms keep their shape. The model itself is
    not touched.

    Args:
        model: Any module that can be deep-copied.
        batch: As for :func:`activation_statistics`.
        schemes: As for :func:`initialize`, at least one.
        seed: The same for each scheme.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no scheme or one is unknown.

    Source: CS231n (2016), lecture 5, "Weight initialization": ten layers of 500 tanh units.

    >>> import torch
    >>> layers = [layer for _ in range(10) for layer in (nn.Linear(500, 500), nn.Tanh())]
    >>> batch = torch.randn(100, 500, generator=torch.Generator().manual_seed(0))
    >>> comparison = compare_initialisations(nn.Sequential(*layers), batch, ["small", "normal", "xavier"])
    >>> [f"{comparison[scheme].layers[-1].std:.3f}" for scheme in comparison]
    ['0.000', '0.982', '0.231']
    """
    if not schemes:
        raise ValueError("schemes must name at least one initialisation, got none")
    by_scheme: dict[str, ActivationStatistics] = {}
    for scheme in schemes:
        twin = copy.deepcopy(model)
        initialize(twin, scheme, seed=seed, example=batch)
        by_scheme[scheme if isinstance(scheme, str) else scheme.name] = activation_statistics(twin, batch)
    return Comparison(by_scheme)
