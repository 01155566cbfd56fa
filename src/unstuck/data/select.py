"""Some classes only, fewer examples, or each class as often: for experiments on how much data it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from unstuck.data.dataset import Dataset, Part
from unstuck.errors import ArgumentError
from unstuck.spelling import unknown

__all__ = ["select"]


def select(
    data: Dataset,
    *,
    classes: Sequence[str] | None = None,
    examples: int | None = None,
    rare: Mapping[str, int] | None = None,
    balanced: bool = False,
    seed: int = 0,
) -> Dataset:
    """Keep a part of a data set. Inputs keep the scaling of the whole, so that weights of one part fit the other.

    Args:
        data: The whole.
        classes: Labels of the classes to keep, in all three parts; they become 0, 1, ... in the order of the data set.
        examples: Training examples to keep, drawn evenly from the classes; validation and test parts stay whole.
        rare: Training examples to keep of single classes, by their labels.
        balanced: Whether training examples of rarer classes are repeated until each class has as many.
        seed: Seed of the draw; with one seed, fewer examples are among the more.

    Raises:
        ArgumentError: A class is not known or fewer than two are kept, there are not so many examples, or the data set
            has no classes to tell apart.

    Examples:
        >>> from unstuck.data import load
        >>> few = select(load("digits"), classes=("5", "6", "7"), examples=12)
        >>> few.labels, few.train.targets.bincount().tolist(), len(few.test)
        (('5', '6', '7'), [4, 4, 4], 109)
    """
    by_class = data.task == "classification" and not data.symbolic
    for name, value in (("classes", classes), ("rare", rare), ("balanced", balanced or None)):
        if value is not None and not by_class:
            raise ArgumentError(f"{name}={value!r}: {data.name!r} has no classes of examples; leave it out")
    if classes is not None:
        data = _of_classes(data, classes)
    train = data.train
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(train), generator=generator).to(train.targets.device)
    if rare:
        numbers = {_number(data, "rare", label): count for label, count in rare.items()}
        turns = _turns(train.targets[order])
        limits = torch.full_like(turns, len(train))
        for number, count in numbers.items():
            limits[train.targets[order] == number] = _enough("rare", count, int((train.targets == number).sum()))
        order = order[turns < limits]
    if examples is not None:
        kept = _enough("examples", examples, len(order))
        # Each class's first, then each class's second, and so on.
        order = order[_turns(train.targets[order]).argsort(stable=True)[:kept]] if by_class else order[:kept]
    if balanced:
        order = _repeated(order, train.targets[order])
    if rare or examples is not None or balanced:
        data = replace(data, train=Part(train.inputs[order], train.targets[order]))
    return data


def _of_classes(data: Dataset, classes: Sequence[str]) -> Dataset:
    kept = sorted({_number(data, "classes", label) for label in classes})
    if len(kept) < 2:
        raise ArgumentError(f"classes={list(classes)!r}: there is nothing to tell apart; give at least two")
    numbers = torch.tensor(kept, device=data.train.targets.device)

    def filtered(part: Part) -> Part:
        rows = torch.isin(part.targets, numbers)
        return Part(part.inputs[rows], torch.searchsorted(numbers, part.targets[rows]))

    return replace(
        data,
        train=filtered(data.train),
        validation=filtered(data.validation),
        test=filtered(data.test),
        labels=tuple(data.labels[number] for number in kept),
    )


def _number(data: Dataset, name: str, label: str) -> int:
    if label not in data.labels:
        raise ArgumentError(unknown(name, label, data.labels))
    return data.labels.index(label)


def _enough(name: str, wanted: int, there: int) -> int:
    if not 1 <= wanted <= there:
        raise ArgumentError(f"{name}={wanted!r}: there are {there} training examples; give 1 to {there}")
    return wanted


def _turns(targets: Tensor) -> Tensor:
    """How many of its class came before each example."""
    turns = torch.zeros_like(targets)
    for number in targets.unique():
        rows = (targets == number).nonzero()[:, 0]
        turns[rows] = torch.arange(len(rows), device=targets.device)
    return turns


def _repeated(order: Tensor, targets: Tensor) -> Tensor:
    most = int(targets.bincount().max())
    rows = [order[targets == number] for number in targets.unique()]
    return torch.cat([row.repeat(-(-most // len(row)))[:most] for row in rows])
