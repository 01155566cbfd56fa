from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.lost_updates import lost_share


def update(dtype: torch.dtype, step: float, gradient: float = 1.0) -> tuple[Tensor, Tensor]:
    weight = torch.full((64,), 0.5, dtype=dtype)
    return (weight - step) - weight, torch.full((64,), gradient)


@pytest.mark.parametrize(("step", "share"), [(0.5 * 2.0**-10, 1.0), (2.0**-8, 0.0)])
def test_steps_below_half_a_unit_in_the_last_place_are_lost(step: float, share: float) -> None:
    found = lost_share([update(torch.bfloat16, step)])
    assert found is not None
    assert float(found) == share


def test_weights_of_single_precision_are_not_looked_at() -> None:
    assert lost_share([update(torch.float32, 0.0)]) is None
    mixed = lost_share([update(torch.float32, 1e-3), update(torch.float16, 1e-6)])
    assert mixed is not None
    assert float(mixed) == 1.0


def test_weights_that_no_gradient_asks_to_move_do_not_count() -> None:
    found = lost_share([update(torch.bfloat16, 0.0, gradient=0.0)])
    assert found is not None
    assert found.isnan()
