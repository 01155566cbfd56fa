"""The places that a batch was drawn from are those that its examples say of themselves."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler, TensorDataset

from unstuck.observe import Session
from unstuck.observe.torch_hooks import drawn_batches
from unstuck.observe.torch_hooks.drawn_batches import places_of
from unstuck.record import RunWriter

DATA = TensorDataset(torch.arange(23), torch.randn(23, 3))


@pytest.fixture(autouse=True)
def listening(tmp_path: Path) -> Iterator[None]:
    drawn_batches._latest.clear()
    with RunWriter(tmp_path) as writer, Session(writer):
        yield


class Reusing:
    """A sampler of batches that hands out one list, which it changes."""

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for start in (5, 1, 9):
            batch[:] = range(start, start + 3)
            yield batch


LOADERS: dict[str, dict[str, Any]] = {
    "in order": {"batch_size": 4},
    "shuffled": {"batch_size": 4, "shuffle": True},
    "without the last": {"batch_size": 4, "shuffle": True, "drop_last": True},
    "of places drawn again": {"batch_size": 4, "sampler": RandomSampler(DATA, replacement=True)},
    "of numpy": {"batch_size": 4, "sampler": np.random.permutation(23)},
    "by a sampler of batches": {"batch_sampler": BatchSampler(SequentialSampler(DATA), 3, drop_last=False)},
    "by one that reuses its list": {"batch_sampler": Reusing()},
    "by workers": {"batch_size": 4, "shuffle": True, "num_workers": 2},
    "by workers that stay": {"batch_size": 4, "shuffle": True, "num_workers": 1, "persistent_workers": True},
}


@pytest.mark.parametrize("kind", LOADERS)
def test_places_are_those_of_the_examples(kind: str) -> None:
    loader = DataLoader(DATA, **LOADERS[kind])
    for epoch in range(2):
        for number, (places, values) in enumerate(loader):
            assert places_of([values.view(-1)]) == tuple(places.tolist())
            if epoch == 0 and number == 1:
                break


def test_a_batch_that_was_fetched_ahead_is_told_from_the_one_at_work() -> None:
    batches = iter(DataLoader(DATA, batch_size=4, shuffle=True))
    first, second = next(batches), next(batches)
    assert places_of([first[1]]) == tuple(first[0].tolist())
    assert places_of([second[1]]) == tuple(second[0].tolist())
    assert places_of([first[1], second[1]]) == ()


class Named(TensorDataset):
    """Whose examples have names."""

    def __getitem__(self, name: Any) -> Any:
        return super().__getitem__(ord(name))


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(torch.randn(8, 3))


def test_what_has_no_places_has_none() -> None:
    (batch,) = DataLoader(Stream(), batch_size=8)
    assert places_of([batch]) == ()
    alone = next(iter(DataLoader(DATA, batch_size=None)))
    assert places_of([alone[1]]) == ()
    (named,) = next(iter(DataLoader(Named(torch.randn(128, 2)), sampler=["a", "b"], batch_size=2)))
    assert places_of([named]) == ()
    assert places_of([torch.randn(3)]) == ()


def test_nothing_of_the_program_is_kept() -> None:
    batches = iter(DataLoader(DATA, batch_size=4))
    _, values = next(batches)
    assert places_of([values])
    kept = weakref.ref(values), weakref.ref(batches)
    del values, batches
    gc.collect()
    assert [reference() for reference in kept] == [None, None]
