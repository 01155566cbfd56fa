"""The one table of data sets: a name is found here, its examples in the file that the import names."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.data.auto_mpg import auto_mpg
from unstuck.data.breast_cancer import breast_cancer
from unstuck.data.characters import characters
from unstuck.data.dataset import Dataset, prepare
from unstuck.data.diabetes import diabetes
from unstuck.data.digits import digits
from unstuck.data.mnist5k import mnist5k
from unstuck.data.pokemon import pokemon
from unstuck.data.source import Source
from unstuck.errors import ArgumentError
from unstuck.spelling import unknown

__all__ = ["DATASETS", "load"]

DATASETS: dict[str, Callable[[], Source]] = {
    "digits": digits,
    "diabetes": diabetes,
    "breast-cancer": breast_cancer,
    "pokemon": pokemon,
    "mnist5k": mnist5k,
    "auto-mpg": auto_mpg,
    "characters": characters,
}
"""Every data set by its name."""


def load(
    name: str, *, seed: int = 0, scale: bool = True, validation: float | None = None, test: float | None = None
) -> Dataset:
    """Load a data set by name, split and scaled.

    Args:
        name: One of :data:`DATASETS`.
        seed: Seed of the split.
        scale: Standardise inputs, and the targets of a regression, by mean and standard deviation of the training
            part (images by channel); False gives the raw values.
        validation: Share of the examples to steer training by; the data set's own by default.
        test: Share of the examples held out to the end; the data set's own by default.

    Raises:
        ArgumentError: There is no data set of that name, or a share is impossible.
        DataError: A package that carries it is not installed.

    Examples:
        >>> data = load("pokemon", scale=False)
        >>> data.train.inputs.shape, data.outputs
        (torch.Size([10, 1]), 1)
    """
    if name not in DATASETS:
        raise ArgumentError(unknown("name", name, DATASETS))
    return prepare(DATASETS[name](), seed=seed, scale=scale, validation=validation, test=test)
