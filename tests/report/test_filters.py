from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, RunWriter
from unstuck.report.filters import TILES, draw, filters
from unstuck.report.wording import ENGLISH


@pytest.mark.parametrize(
    ("shape", "scale", "shown", "count"),
    [
        ((16, 1, 3, 3), "signed", 16, 16),
        ((16, 3, 5, 5), "colour", 16, 16),
        ((8, 4, 3, 3), "signed", 32, 32),
        ((96, 3, 11, 11), "colour", TILES, 96),
        ((30, 64), "signed", 30, 30),
        ((10, 3072), "colour", 10, 10),
        ((20, 13), "matrix", 20, 20),
        ((8, 2, 7), "signed", 8, 8),
    ],
)
def test_each_shape_has_its_picture(shape: tuple[int, ...], scale: str, shown: int, count: int) -> None:
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    picture, *said = draw(weights)
    assert said == [scale, shown, count]
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 4
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 8


def test_the_sign_of_a_weight_is_its_colour() -> None:
    picture, *_ = draw(np.array([[[[1.0, 0.0, -1.0]]]], np.float32))
    positive, zero, negative = picture[0, 0], picture[0, picture.shape[1] // 2], picture[0, -1]
    assert positive[0] > positive[2]
    assert negative[2] > negative[0]
    assert zero[:3].min() > 230


def test_a_filter_of_zeros_is_pale() -> None:
    picture, *_ = draw(np.zeros((2, 1, 3, 3), np.float32))
    assert picture[..., :3][picture[..., 3] > 0].min() > 230


def test_the_first_and_the_last_snapshot_are_shown(healthy: Run) -> None:
    figure = filters(healthy, ENGLISH)
    assert [image.label for image in figure.images] == ["before training", "after 900 steps"]
    assert figure.images[0].address != figure.images[1].address


def test_missing_and_broken_filters_are_told(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        assert "not recorded" in filters(run, ENGLISH).missing
        writer.array("filters", 3, np.full((2, 1, 3, 3), np.nan))
        assert "not finite at step 3" in filters(run, ENGLISH).missing
        writer.array("filters", 0, np.ones((2, 1, 3, 3)))
        figure = filters(run, ENGLISH)
    assert len(figure.images) == 1
    assert "not finite at step 3" in figure.notes[0]
