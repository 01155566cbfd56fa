import importlib

import numpy as np
import pytest
import torch

from unstuck.data import Augmentation, Augmented, Batches, Dataset, Source, load, prepare
from unstuck.data.files import optional
from unstuck.errors import ArgumentError, DataError

pytest.importorskip("kornia")

EVERYTHING = Augmentation(crop=0.6, flip=True, shift=0.2, colour=0.3)


def pictures(*, channels: int = 3, side: int = 12) -> Dataset:
    inputs = np.random.default_rng(0).integers(0, 256, size=(40, channels, side, side)).astype(np.uint8)
    return prepare(Source(name="p", task="classification", inputs=inputs, targets=np.arange(40) % 2))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_seed_repeats_it_and_the_global_state_is_left_alone(channels: int) -> None:
    data = pictures(channels=channels)
    before = torch.random.get_rng_state()
    first, again, other = (EVERYTHING.build(data, seed=seed)(data.train.inputs) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == data.train.inputs.shape
    assert not torch.allclose(first, data.train.inputs)


def test_each_pass_is_another_and_targets_stay() -> None:
    data = pictures()
    batches = Augmented(Batches(data.train, 10, shuffle="never"), EVERYTHING.build(data))
    one, two = list(batches), list(batches)
    assert len(batches) == len(one)
    assert not torch.equal(one[0][0], two[0][0])
    assert torch.equal(torch.cat([targets for _, targets in one]), data.train.targets)


def test_a_flip_mirrors_half_and_keeps_the_scaling() -> None:
    data = pictures()
    inputs = data.train.inputs
    changed = Augmentation(flip=True).build(data)(inputs)
    same = torch.isclose(changed, inputs, atol=1e-4).flatten(1).all(dim=1)
    mirrored = torch.isclose(changed, inputs.flip(3), atol=1e-4).flatten(1).all(dim=1)
    assert bool((same ^ mirrored).all())
    assert 0 < int(same.sum()) < len(inputs)


def test_a_shift_brings_in_black() -> None:
    data = pictures(channels=1)
    data.train.inputs[:] = data.train.inputs.max()
    data.train.inputs[0] = black = data.train.inputs.min() - 3.0
    changed = Augmentation(shift=0.4).build(data)(data.train.inputs)
    assert changed.min().item() == pytest.approx(black.item(), abs=1e-4)
    assert (changed[1:] < black + 0.5).any()


def test_colour_changes_no_shape_and_a_crop_keeps_the_range() -> None:
    data = pictures()
    plain = Augmentation(colour=0.5).build(data)
    unit = plain.pictures(plain(data.train.inputs))
    assert not torch.allclose(unit, plain.pictures(data.train.inputs))
    cropped = Augmentation(crop=0.3).build(data)(data.train.inputs)
    low, high = data.train.inputs.min(), data.train.inputs.max()
    assert low - 1e-3 <= cropped.min()
    assert cropped.max() <= high + 1e-3


@pytest.mark.parametrize(
    ("key", "value"), [("crop", 0.0), ("crop", 1.5), ("shift", -0.1), ("shift", 1.0), ("colour", float("nan"))]
)
def test_shares_outside_their_range(key: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=f"{key}="):
        Augmentation(**{key: value})


def test_tables_cannot_be_augmented() -> None:
    with pytest.raises(
        ArgumentError, match=r"flip=True: pictures of shape .* got examples of shape \(10,\) of 'diabetes'"
    ):
        Augmentation(flip=True).build(load("diabetes"))


def test_without_kornia_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(optional, "import_module", missing)
    with pytest.raises(DataError, match=r'pip install "unstuck\[augment\]"'):
        EVERYTHING.build(pictures())
    assert importlib.import_module("kornia")
