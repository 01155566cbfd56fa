import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unstuck.data import Scaling
from unstuck.data.scaling import Per

tables = arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.floats(-1e6, 1e6, width=32))


@given(tables)
def test_undo_is_the_inverse_of_apply(values: np.ndarray) -> None:
    scaling = Scaling.fit(values)
    np.testing.assert_allclose(scaling.undo(scaling.apply(values)), values, rtol=1e-9, atol=1e-6)


@given(tables)
def test_a_column_gets_mean_zero_and_std_one_or_stays_constant(values: np.ndarray) -> None:
    scaled = Scaling.fit(values).apply(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-3)
    for column, raw in zip(scaled.T, values.T, strict=True):
        if np.ptp(raw) > 1e-3:
            np.testing.assert_allclose(column.std(), 1.0, rtol=1e-6)


def test_a_constant_column_with_rounding_noise_is_not_blown_up() -> None:
    values = np.full((7, 1), 0.1) * np.array([[1.0], [1.0], [1.0 + 2e-16], [1.0], [1.0], [1.0], [1.0]])
    assert np.abs(Scaling.fit(values).apply(values)).max() < 1e-6


def test_images_are_scaled_by_channel_not_by_pixel() -> None:
    values = np.random.default_rng(0).normal([[[[3.0]], [[-5.0]]]], [[[[2.0]], [[0.1]]]], size=(50, 2, 4, 4))
    values[:, :, 0, 0] = 0.0  # a border that is always dark must stay as dark beside the other pixels
    scaling = Scaling.fit(values)
    assert scaling.mean.shape == (1, 2, 1, 1)
    scaled = scaling.apply(values)
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3)), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=(0, 2, 3)), 1.0, rtol=1e-12)
    assert abs(scaled[:, 1, 0, 0].mean()) > 1.0


IMAGES = np.random.default_rng(1).integers(0, 256, size=(40, 2, 3, 3)).astype(np.uint8)


@pytest.mark.parametrize(("per", "axes"), [("channel", (0, 2, 3)), ("pixel", (0,))])
def test_images_by_channel_or_by_pixel(per: Per, axes: tuple[int, ...]) -> None:
    scaled = Scaling.fit(IMAGES, per=per).apply(IMAGES.astype(float))
    np.testing.assert_allclose(scaled.mean(axis=axes), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=axes), 1.0)


def test_only_the_mean_or_only_the_deviation() -> None:
    values = IMAGES.astype(float)
    np.testing.assert_allclose(
        Scaling.fit(values, how="mean").apply(values), values - values.mean((0, 2, 3), keepdims=True)
    )
    np.testing.assert_allclose(
        Scaling.fit(values, how="deviation").apply(values), values / values.std((0, 2, 3), keepdims=True)
    )


def test_the_range_becomes_0_to_1_and_back() -> None:
    values = IMAGES.astype(float)
    scaling = Scaling.fit(IMAGES, how="range")
    scaled = scaling.apply(values)
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)
    np.testing.assert_allclose(scaling.undo(scaled), values)


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Scaling.fit(IMAGES)
    monkeypatch.setattr("unstuck.data.scaling.TOGETHER", 7)
    pieces = Scaling.fit(IMAGES)
    np.testing.assert_allclose(pieces.mean, whole.mean)
    np.testing.assert_allclose(pieces.std, whole.std)
    np.testing.assert_allclose(pieces.to_float32(IMAGES), whole.apply(IMAGES.astype(float)), rtol=1e-5)
