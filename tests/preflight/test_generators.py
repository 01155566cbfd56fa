import random

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from unstuck.data import Batches, load
from unstuck.preflight.generators import generators_of, kept_generators, seed_generators


class Augmented:
    def __init__(self) -> None:
        self.inner = TensorDataset(torch.ones(4))
        self.rng, self.old, self.python = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)

    def __len__(self) -> int:
        return len(self.inner)


def drawn(own: list) -> list[float]:
    numbers = [float(torch.rand(())), random.random(), float(np.random.rand())]
    for one in own:
        if isinstance(one, torch.Generator):
            numbers.append(float(torch.rand((), generator=one)))
        else:
            numbers.append(float(one.random() if not isinstance(one, np.random.RandomState) else one.rand()))
    return numbers


def test_generators_are_found_wherever_a_loader_has_them() -> None:
    data = Augmented()
    loader = DataLoader(data, shuffle=True, generator=torch.Generator())  # type: ignore[arg-type]
    assert set(map(id, generators_of(loader))) == {id(loader.generator), id(data.rng), id(data.old), id(data.python)}
    assert len(generators_of(Batches(load("diabetes").train, 8))) == 1
    assert generators_of([1, 2]) == []


def test_all_draw_after_it_what_they_would_have_drawn() -> None:
    data = Augmented()
    own = [*generators_of(data), torch.Generator()]
    with kept_generators(own):
        expected = drawn(own)
    with kept_generators(own):
        drawn(own)
        seed_generators(3, own)
    assert drawn(own) == expected


def test_a_seed_sets_them_all() -> None:
    own = [*generators_of(Augmented()), torch.Generator()]
    with kept_generators(own):
        seed_generators(5, own)
        first = drawn(own)
        assert drawn(own) != first
        seed_generators(5, own)
        assert drawn(own) == first
