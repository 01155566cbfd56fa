from dataclasses import replace

import numpy as np
import pytest
import torch

from unstuck.data import Source, prepare
from unstuck.errors import ArgumentError, DataError

RANDOM = np.random.default_rng(0)
TABLE = Source(
    name="table",
    task="regression",
    inputs=RANDOM.normal([5.0, -300.0], [2.0, 70.0], size=(100, 2)),
    targets=RANDOM.normal(150.0, 40.0, size=100),
)
IMAGES = Source(
    name="images",
    task="classification",
    inputs=RANDOM.uniform(0, 255, size=(60, 1, 4, 4)),
    targets=np.arange(60) % 3,
    labels=("ant", "bee", "cat"),
)


def test_scaling_is_fitted_on_the_training_part_alone() -> None:
    data = prepare(TABLE)
    torch.testing.assert_close(data.train.inputs.mean(dim=0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(data.train.inputs.std(dim=0, correction=0), torch.ones(2))
    torch.testing.assert_close(data.train.targets.std(correction=0), torch.tensor(1.0))
    assert data.test.inputs.mean(dim=0).abs().min() > 1e-4


def test_what_is_held_out_does_not_move_the_scaling() -> None:
    data = prepare(TABLE)
    raw = prepare(TABLE, scale=False)
    assert data.input_scaling is not None
    changed = TABLE.inputs.copy()
    held_out = {tuple(row) for row in raw.test.inputs.numpy()}
    for row, values in enumerate(TABLE.inputs.astype(np.float32)):
        if tuple(values) in held_out:
            changed[row] = 1e6
    again = prepare(Source(name="table", task="regression", inputs=changed, targets=TABLE.targets))
    assert again.input_scaling is not None
    np.testing.assert_array_equal(again.input_scaling.mean, data.input_scaling.mean)


def test_raw_values_are_left_alone() -> None:
    data = prepare(IMAGES, scale=False)
    assert data.input_scaling is None
    assert data.target_scaling is None
    every = torch.cat([data.train.inputs, data.validation.inputs, data.test.inputs])
    assert np.sort(every.numpy(), axis=None) == pytest.approx(np.sort(IMAGES.inputs, axis=None), rel=1e-6)


def test_targets_return_to_their_own_units() -> None:
    data, raw = prepare(TABLE), prepare(TABLE, scale=False)
    assert data.target_scaling is not None
    own = data.target_scaling.undo(data.test.targets.double().numpy())
    np.testing.assert_allclose(own, raw.test.targets.numpy(), rtol=1e-5)
    assert data.target_unit == pytest.approx(raw.train.targets.std(correction=0).item(), rel=1e-5)


def test_inputs_and_targets_stay_together() -> None:
    raw = prepare(TABLE, scale=False)
    pairs = {tuple(np.float32([*x, y])) for x, y in zip(TABLE.inputs, TABLE.targets, strict=True)}
    for part in (raw.train, raw.validation, raw.test):
        assert {tuple(row) for row in torch.cat([part.inputs, part.targets], 1).numpy()} <= pairs


def test_shapes_types_and_fact() -> None:
    data = prepare(IMAGES)
    assert (data.features, data.outputs, data.train.targets.dtype) == ((1, 4, 4), 3, torch.int64)
    fact = data.fact()
    assert (fact.name, fact.classes, fact.features) == ("images", 3, (1, 4, 4))
    assert fact.train + fact.validation + fact.test == 60
    assert prepare(TABLE).outputs == 1
    assert prepare(TABLE).train.targets.shape == (len(prepare(TABLE).train), 1)


def test_a_class_too_rare_for_its_part_is_named() -> None:
    source = Source(name="rare", task="classification", inputs=np.zeros((4, 1)), targets=np.array([0, 0, 0, 1]))
    with pytest.raises(DataError, match="no training example is of class '1'"):
        prepare(source, validation=0.0, test=0.8)


def test_parts_move_to_a_device_together() -> None:
    moved = prepare(IMAGES).to("meta")
    assert {part.inputs.device.type for part in (moved.train, moved.validation, moved.test)} == {"meta"}


def test_images_of_bytes_are_scaled_like_numbers_and_by_pixel_on_request() -> None:
    whole = replace(IMAGES, inputs=IMAGES.inputs.round().astype(np.uint8))
    same = prepare(replace(IMAGES, inputs=IMAGES.inputs.round()))
    torch.testing.assert_close(prepare(whole).train.inputs, same.train.inputs)
    by_pixel = prepare(whole, per="pixel").train.inputs
    torch.testing.assert_close(by_pixel.mean(dim=0), torch.zeros(1, 4, 4), atol=1e-6, rtol=0)
    assert prepare(whole, scale="range").train.inputs.min() == 0.0


def test_what_the_makers_set_apart_is_the_test_part() -> None:
    given = replace(IMAGES, given_test=9)
    data = prepare(given, scale=False, validation=0.2)
    assert torch.equal(data.test.inputs, torch.from_numpy(IMAGES.inputs[-9:]).float())
    assert len(data.train) + len(data.validation) == 51


def test_what_the_makers_set_apart_is_the_validation_part() -> None:
    given = replace(IMAGES, given_validation=12, given_test=9)
    data = prepare(given, scale=False)
    assert torch.equal(data.validation.inputs, torch.from_numpy(IMAGES.inputs[39:51]).float())
    assert torch.equal(data.test.inputs, torch.from_numpy(IMAGES.inputs[51:]).float())
    assert len(data.train) == 39
    alone = prepare(replace(IMAGES, given_validation=12), scale=False, test=0.25)
    assert torch.equal(alone.validation.inputs, torch.from_numpy(IMAGES.inputs[48:]).float())
    assert (len(alone.train), len(alone.test)) == (36, 12)


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_share_of_what_the_makers_set_apart_is_refused(part: str, share: float) -> None:
    given = replace(IMAGES, **{f"given_{part}": 9})
    with pytest.raises(ArgumentError, match=rf"{part}={share}: images has a {part} part of its own, of 9 examples"):
        prepare(given, **{part: share})


def test_scaling_is_not_fitted_on_parts_that_the_makers_set_apart() -> None:
    changed = IMAGES.inputs.copy()
    changed[39:] = 1e6
    scalings = [
        prepare(replace(IMAGES, inputs=inputs, given_validation=12, given_test=9)).input_scaling
        for inputs in (IMAGES.inputs, changed)
    ]
    assert all(scalings)
    np.testing.assert_array_equal(scalings[0].mean, scalings[1].mean)


def test_a_sequence_is_cut_in_order_and_never_scaled() -> None:
    ids = np.arange(100).reshape(20, 5) % 4
    source = Source(name="s", task="classification", inputs=ids, targets=ids, labels=tuple("abcd"), ordered=True)
    data = prepare(source, validation=0.2, test=0.2)
    assert data.symbolic
    assert torch.equal(torch.cat([data.train.inputs, data.validation.inputs, data.test.inputs]), torch.from_numpy(ids))
    assert (data.outputs, data.input_scaling) == (4, None)
