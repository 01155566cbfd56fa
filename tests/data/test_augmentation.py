import sys

import numpy as np
import pytest
import torch

from unstuck.data import Augmentation, Augmented, Batches, Dataset, Source, load, prepare
from unstuck.errors import ArgumentError, MissingPackageError

pytest.importorskip("kornia")

EVERYTHING = Augmentation(crop=0.6, flip=True, shift=0.2, rotate=20.0, zoom=0.2, shear=10.0, colour=0.3)


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


def tilt(picture: torch.Tensor) -> float:
    """How far the axis of a bar leans from the vertical, in degrees."""
    y, x = torch.nonzero(picture > picture.max() / 2, as_tuple=True)
    spread = torch.cov(torch.stack([x.double(), y.double()]))
    axis = torch.linalg.eigh(spread).eigenvectors[:, -1]
    return abs(float(torch.rad2deg(torch.atan(axis[0] / axis[1]))))


def bars() -> Dataset:
    """Upright bars of 20 by 4 pixels on black."""
    inputs = np.zeros((40, 1, 32, 32), dtype=np.uint8)
    inputs[:, :, 6:26, 14:18] = 255
    return prepare(Source(name="bars", task="classification", inputs=inputs, targets=np.arange(40) % 2))


@pytest.mark.parametrize("how", [{"rotate": 30.0}, {"shear": 30.0}])
def test_a_turn_and_a_slant_tilt_as_far_as_they_may(how: dict[str, float]) -> None:
    data = bars()
    change = Augmentation(**how).build(data)
    tilts = [tilt(picture) for picture in change.pictures(change(data.train.inputs))[:, 0]]
    assert 15.0 < max(tilts) < 33.0
    assert min(tilts) < 10.0


def test_a_zoom_changes_the_size_and_nothing_else() -> None:
    data = bars()
    change = Augmentation(zoom=0.3).build(data)
    changed = change.pictures(change(data.train.inputs))[:, 0]
    heights = (changed[:, :, 15:17].amax(dim=2) > 0.5).sum(dim=1)
    assert 13 <= int(heights.min()) < 18 < 22 < int(heights.max()) <= 27
    assert max(tilt(picture) for picture in changed) < 2.0


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
    ("key", "value"),
    [
        ("crop", 0.0),
        ("crop", 1.5),
        ("shift", -0.1),
        ("shift", 1.0),
        ("colour", float("nan")),
        ("rotate", 181.0),
        ("zoom", 1.0),
        ("shear", 90.0),
    ],
)
def test_sizes_outside_their_range(key: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=f"{key}="):
        Augmentation(**{key: value})


def test_tables_cannot_be_augmented() -> None:
    with pytest.raises(
        ArgumentError, match=r"flip=True: pictures of shape .* got examples of shape \(10,\) of 'diabetes'"
    ):
        Augmentation(flip=True).build(load("diabetes"))


def test_without_kornia_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kornia", None)
    monkeypatch.setitem(sys.modules, "kornia.augmentation", None)
    with pytest.raises(MissingPackageError, match=r"kornia is needed for .*; pip install 'unstuck\[augment\]'"):
        EVERYTHING.build(pictures())
