"""The one table of data sets: a name is found here, its examples in the file that the import names."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.data.auto_mpg import auto_mpg
from unstuck.data.breast_cancer import breast_cancer
from unstuck.data.characters import characters
from unstuck.data.dataset import Dataset, prepare
from unstuck.data.diabetes import diabetes
from unstuck.data.digits import digits
from unstuck.data.files import FORMATS, Place
from unstuck.data.mnist5k import mnist5k
from unstuck.data.pokemon import pokemon
from unstuck.data.scaling import How, Per
from unstuck.data.source import Source
from unstuck.data.switches import switches
from unstuck.errors import ArgumentError, DataError
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
    "switches": switches,
}
"""Every data set by its name."""


def load(
    name: str,
    *,
    place: Place | None = None,
    seed: int = 0,
    scale: bool | How = True,
    per: Per = "channel",
    validation: float | None = None,
    test: float | None = None,
) -> Dataset:
    """Load a data set by name, or files of your own by their format, split and scaled.

    Args:
        name: One of :data:`DATASETS`, or of :data:`~unstuck.data.FORMATS` for files of your own.
        place: Where files of your own lie; data sets by name take none.
        seed: Seed of the split.
        scale: Standardise inputs, and the targets of a regression, by mean and standard deviation of the training
            part (images by channel); False gives the raw values. Or ``"mean"``, ``"deviation"``, ``"range"``: see
            :func:`~unstuck.data.prepare`.
        per: Whether an image has one mean and deviation a channel, or one a ``"pixel"``.
        validation: Share of the examples to steer training by; by default the data set's own part, or its own share.
        test: Share of the examples held out to the end; by default as for ``validation``.

    Raises:
        ArgumentError: There is no data set of that name, a share is impossible, or a place is missing or not wanted.
        MissingPackageError: A package that carries or reads it is not installed.
        DataError: Files are damaged, missing or cannot be learned from.

    Examples:
        >>> data = load("pokemon", scale=False)
        >>> data.train.inputs.shape, data.outputs
        (torch.Size([10, 1]), 1)
    """
    if name in FORMATS:
        if place is None:
            raise ArgumentError(f"path=None: {name!r} reads files of your own; give the path of the file or folder")
        source = _read(name, place)
    elif name not in DATASETS:
        raise ArgumentError(unknown("name", name, (*DATASETS, *FORMATS)))
    elif place is not None:
        raise ArgumentError(f"path={str(place.path)!r}: {name!r} comes with a package and has no path; leave it out")
    else:
        source = DATASETS[name]()
    return prepare(source, seed=seed, scale=scale, per=per, validation=validation, test=test)


def _read(name: str, place: Place) -> Source:
    """Read files of a format; what the system refuses anywhere on the way is told as one message."""
    try:
        return FORMATS[name](place)
    except OSError as error:
        raise DataError(
            f"{error.filename or place.path}: cannot be read ({error.strerror or error}); files that you may read are "
            "accepted, in folders that you may list and enter"
        ) from error
