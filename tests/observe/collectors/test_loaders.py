"""Loaders are counted by their iterations and by the updates made during them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from unstuck.observe.collectors.loaders import MOST_LOADERS, Loaders
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots

DATA = TensorDataset(torch.arange(10))


@pytest.fixture
def view() -> View:
    return View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1)))


def test_updates_are_credited_to_the_loader_that_began_last(view: View) -> None:
    loaders, train, test = Loaders(view), DataLoader(DATA, batch_size=2, shuffle=True), DataLoader(DATA, batch_size=5)
    for _ in range(3):
        loaders.loader_begins(train)
        view.updates += 5
        loaders.loader_begins(test)
    (fact,) = loaders.facts()
    assert (fact.number, fact.begun, fact.updates) == (0, 3, 15)
    assert (fact.batches, fact.examples, fact.order) == (5, 10, "random")
    view.updates += 1
    assert [(fact.number, fact.updates) for fact in loaders.facts()] == [(0, 15), (1, 1)]


def test_updates_before_the_first_loader_are_nobodys(view: View) -> None:
    loaders = Loaders(view)
    view.updates = 7
    loaders.loader_begins(DataLoader(DATA))
    assert list(loaders.facts()) == []


class Endless(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        while True:
            yield torch.ones(2)


class Uncounted:
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        raise TypeError("nobody knows")


class Shuffled(SequentialSampler):
    """In an order of the user's own, who has not made it to have a length."""

    def __len__(self) -> int:
        raise AssertionError("nobody asks for it")


@pytest.mark.parametrize(
    ("loader", "extent", "order"),
    [
        (DataLoader(DATA, batch_size=3), (4, 10), "sequential"),
        (DataLoader(DATA, batch_size=3, drop_last=True), (3, 10), "sequential"),
        (DataLoader(DATA, sampler=WeightedRandomSampler([1.0] * 10, 6)), (6, 10), "random"),
        (DataLoader(DATA, sampler=Shuffled(DATA)), (None, None), "other"),
        (DataLoader(DATA, batch_sampler=BatchSampler(SequentialSampler(DATA), 4, False)), (None, None), "sequential"),
        (DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 4, False)), (None, None), "random"),
        (DataLoader(DATA, batch_sampler=[[3, 1], [0, 2]]), (None, None), "other"),
        (DataLoader(Endless(), batch_size=2), (None, None), "other"),
        (DataLoader(Uncounted(), sampler=[0]), (None, None), "other"),
    ],
    ids=[
        "plain",
        "last dropped",
        "weighted",
        "own sampler",
        "batches",
        "random batches",
        "own batches",
        "endless",
        "uncounted",
    ],
)
def test_extent_and_order(view: View, loader: Any, extent: tuple[int | None, int | None], order: str) -> None:
    loaders = Loaders(view)
    loaders.loader_begins(loader)
    view.updates += 1
    (fact,) = loaders.facts()
    assert (fact.batches, fact.examples) == extent
    assert fact.order == order


def test_of_many_loaders_the_first_are_counted_and_the_others_take_no_credit(view: View) -> None:
    loaders = Loaders(view)
    made = [DataLoader(DATA) for _ in range(MOST_LOADERS + 3)]
    for loader in made:
        loaders.loader_begins(loader)
        view.updates += 1
    assert [fact.updates for fact in loaders.facts()] == [1] * MOST_LOADERS


def test_loaders_are_not_kept_alive(view: View) -> None:
    loaders = Loaders(view)
    loaders.loader_begins(DataLoader(DATA))
    view.updates += 1
    assert loaders._counts[0].loader() is None
    loaders.loader_begins(DataLoader(DATA))
    assert len(loaders._counts) == 2
