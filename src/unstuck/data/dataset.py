"""A data set ready to train on: three parts in memory, scaled alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.data.check import check
from unstuck.data.scaling import How, Per, Scaling
from unstuck.data.source import Source, Task
from unstuck.data.split import Split, in_order, quantiles, split
from unstuck.errors import ArgumentError, DataError
from unstuck.record import facts

__all__ = ["Dataset", "Part", "prepare"]


@dataclass(frozen=True, eq=False)
class Part:
    """Examples that serve one purpose.

    Attributes:
        inputs: float32, (N, F) or (N, C, H, W); int64 of shape (N, T) for sequences of symbols.
        targets: int64 class ids of shape (N,), or (N, T) for sequences; or float32 numbers of shape (N, K).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device | str) -> Part:
        """The same examples on a device."""
        return Part(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set, checked, split and scaled.

    Attributes:
        name: Its name.
        task: classification or regression.
        train: What the weights are fitted on.
        validation: What training is steered by; may be empty.
        test: What is touched once, at the end; may be empty.
        labels: A name for each class; empty for a regression.
        input_scaling: How inputs were standardised; None where they are raw.
        target_scaling: How the targets of a regression were standardised; None where they are raw.
        fingerprint: SHA-256 of what was read, where it may differ from one machine to another.
    """

    name: str
    task: Task
    train: Part
    validation: Part
    test: Part
    labels: tuple[str, ...] = ()
    input_scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    fingerprint: str = ""

    @property
    def symbolic(self) -> bool:
        """Whether inputs are symbols, with a class to tell for each, rather than measurements."""
        return not self.train.inputs.dtype.is_floating_point

    @property
    def features(self) -> tuple[int, ...]:
        """Shape of one input: (F,) or (C, H, W)."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def outputs(self) -> int:
        """Outputs that a model needs: one for each class, or for each number of a target."""
        return len(self.labels) if self.task == "classification" else int(self.train.targets.shape[1])

    @property
    def target_unit(self) -> float:
        """Size of one unit of the targets in the data's own units: a root mean squared error times this is in them."""
        return 1.0 if self.target_scaling is None else float(np.sqrt(np.mean(self.target_scaling.std**2)))

    def to(self, device: torch.device | str) -> Dataset:
        """The same data set on a device."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return replace(self, **{name: part.to(device) for name, part in parts.items()})

    def fact(self) -> facts.Data:
        """What a run records of it."""
        return facts.Data(
            name=self.name,
            task=self.task,
            train=len(self.train),
            validation=len(self.validation),
            test=len(self.test),
            features=self.features,
            classes=len(self.labels) or None,
        )


def prepare(
    source: Source,
    *,
    seed: int = 0,
    scale: bool | How = True,
    per: Per = "channel",
    validation: float | None = None,
    test: float | None = None,
) -> Dataset:
    """Check, split and scale a data set of your own.

    Args:
        source: All its examples.
        seed: Seed of the split; another data set of as many examples of each class is split alike.
        scale: Standardise inputs, and the targets of a regression, by mean and standard deviation of the training
            part; False leaves the raw values. ``"mean"`` only subtracts, ``"deviation"`` only divides, ``"range"`` maps
            inputs to 0 to 1; targets are standardised all the same.
        per: Whether an image has one mean and deviation a channel, or one a ``"pixel"``.
        validation: Share of the examples to steer training by; by default the part that its makers set apart for that,
            or the source's own share.
        test: Share of the examples held out to the end; by default as for ``validation``.

    Returns:
        The data set, on the CPU.

    Raises:
        DataError: Nothing can be learned from it; the message says which examples are at fault.
        ArgumentError: A share is impossible, or asked for where the makers set that part apart.

    Examples:
        >>> source = Source(name="parity", task="classification", inputs=np.arange(20.0).reshape(20, 1),
        ...                 targets=np.arange(20) % 2)
        >>> data = prepare(source, validation=0.2, test=0.2)
        >>> len(data.train), len(data.validation), len(data.test)
        (12, 4, 4)
        >>> float(data.train.inputs.mean()), float(data.train.inputs.std(correction=0))
        (0.0, 1.0)
    """
    check(source)
    _nothing_contradicts(source, validation=validation, test=test)
    validation = source.validation if validation is None else validation
    test = source.test if test is None else test
    if source.symbolic:
        rows = in_order(len(source.inputs), validation=validation, test=test)
        input_scaling = target_scaling = None
        inputs, targets, labels = source.inputs.astype(np.int64), source.targets.astype(np.int64), source.labels
    else:
        ids = source.targets.astype(np.int64) if source.task == "classification" else None
        numbers = source.targets.astype(np.float64).reshape(len(source.targets), -1)
        rows = _rows(source, quantiles(numbers) if ids is None else ids, validation=validation, test=test, seed=seed)
        labels = () if ids is None else source.labels or tuple(map(str, range(int(ids.max()) + 1)))
        if ids is not None:
            _all_classes(source.name, ids[rows.train], labels)
        how: How = "standard" if isinstance(scale, bool) else scale
        input_scaling = Scaling.fit(source.inputs[rows.train], how=how, per=per) if scale else None
        target_scaling = Scaling.fit(numbers[rows.train]) if scale and ids is None else None
        inputs = input_scaling.to_float32(source.inputs) if input_scaling else source.inputs.astype(np.float32)
        real = (target_scaling.apply(numbers) if target_scaling else numbers).astype(np.float32)
        targets = real if ids is None else ids
    train, steering, held_out = (
        Part(torch.from_numpy(inputs[chosen]), torch.from_numpy(targets[chosen]))
        for chosen in (rows.train, rows.validation, rows.test)
    )
    return Dataset(
        name=source.name,
        task=source.task,
        train=train,
        validation=steering,
        test=held_out,
        labels=labels,
        input_scaling=input_scaling,
        target_scaling=target_scaling,
        fingerprint=source.fingerprint,
    )


def _nothing_contradicts(source: Source, *, validation: float | None, test: float | None) -> None:
    asked = ("validation", validation, source.given_validation), ("test", test, source.given_test)
    for part, share, given in asked:
        if given and share is not None:
            raise ArgumentError(
                f"{part}={share!r}: {source.name} has a {part} part of its own, of {given:,} examples; leave the share "
                "out to use that, or join that part to the training part to have a share drawn"
            )


def _rows(source: Source, strata: NDArray[np.int64], *, validation: float, test: float, seed: int) -> Split:
    """The parts that the makers set apart, and the others drawn from the rest."""
    rest = len(strata) - source.given_validation - source.given_test
    steering, held_out = np.split(np.arange(rest, len(strata)), [source.given_validation])
    drawn = split(
        strata[:rest],
        validation=0.0 if len(steering) else validation,
        test=0.0 if len(held_out) else test,
        seed=seed,
    )
    return Split(
        train=drawn.train,
        validation=steering if len(steering) else drawn.validation,
        test=held_out if len(held_out) else drawn.test,
    )


def _all_classes(name: str, targets: NDArray[np.int64], labels: tuple[str, ...]) -> None:
    absent = np.setdiff1d(np.arange(len(labels)), targets)
    if len(absent):
        raise DataError(
            f"{name}: after the split no training example is of class {labels[absent[0]]!r}; "
            "hold out less, or add examples of that class"
        )
