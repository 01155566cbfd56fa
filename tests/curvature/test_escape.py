from __future__ import annotations

import pytest
import torch

from unstuck.curvature import Landscape, try_direction
from unstuck.curvature.measure import _itself


def landscape(function: object, *point: torch.Tensor) -> Landscape:
    return Landscape.of(function, _itself, [(point, torch.zeros(()))], by_inputs=True)  # type: ignore[arg-type]


def test_both_sides_are_tried_and_the_best_is_named() -> None:
    with Landscape.steady(None):
        about = landscape(lambda a, b: (a - 1) ** 2 + 0 * b.sum(), torch.tensor(0.0), torch.zeros(20))
        direction = torch.zeros(21, dtype=torch.float64)
        direction[0] = -1.0
        trial = try_direction(about, direction)
    assert trial.loss == 1.0
    assert trial.lowest == (pytest.approx(-1.0), pytest.approx(0.0))
    assert trial.fall == pytest.approx(1.0)
    assert [name for name, _ in trial.moved] == ["input[0]"]
    assert trial.direction == ()


def test_no_way_down_is_said_and_what_is_not_finite_is_no_way() -> None:
    with Landscape.steady(None):
        about = landscape(lambda a: torch.where(a > 0.5, a / 0.0 * -0.0, a**2), torch.tensor(0.0))
        trial = try_direction(about, torch.ones(1, dtype=torch.float64))
    assert trial.lowest == (0.0, 0.0)
    assert trial.direction == (1.0,)
