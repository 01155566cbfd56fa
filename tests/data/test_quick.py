import numpy as np
import torch

from unstuck.data import Source, load, prepare, quick


def counted(counts: list[int]) -> Source:
    targets = np.repeat(np.arange(len(counts)), counts)
    return Source(name="c", task="classification", inputs=targets[:, None] * 1.0, targets=targets, labels=tuple("abc"))


def test_the_two_commonest_classes_and_a_tenth_of_everything() -> None:
    data = prepare(counted([900, 300, 1200]), scale=False, validation=0.25, test=0.25)
    small = quick(data)
    assert (small.labels, small.outputs) == (("a", "c"), 2)
    assert (len(small.train), len(small.validation), len(small.test)) == (120, 60, 0)
    assert torch.equal(small.train.inputs[:, 0], 2.0 * small.train.targets)
    assert small.train.targets.bincount().min() > 30


def test_a_small_part_keeps_fifty_or_all_of_it() -> None:
    small = quick(load("breast-cancer"))
    assert (len(small.train), len(small.validation), small.outputs) == (50, 50, 2)
    assert len(quick(load("pokemon")).train) == 10


def test_numbers_and_sequences_keep_their_targets() -> None:
    cars = quick(load("diabetes"))
    assert (len(cars.train), cars.outputs, cars.train.targets.shape) == (50, 1, (50, 1))
    text = quick(load("characters"))
    assert (text.outputs, len(text.train)) == (96, 509)


def test_a_seed_draws_the_same() -> None:
    data = load("digits")
    assert torch.equal(quick(data, seed=3).train.inputs, quick(data, seed=3).train.inputs)
    assert not torch.equal(quick(data, seed=3).train.inputs, quick(data, seed=4).train.inputs)
