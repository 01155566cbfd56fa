from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.collectors.lost_updates import lost_shares


def update(dtype: torch.dtype, step: float, gradient: float = 1.0) -> tuple[Tensor, Tensor]:
    weight = torch.full((64,), 0.5, dtype=dtype)
    return (weight - step) - weight, torch.full((64,), gradient)


@pytest.mark.parametrize(("step", "share"), [(0.5 * 2.0**-10, 1.0), (2.0**-8, 0.0)])
def test_steps_below_half_a_unit_in_the_last_place_are_lost(step: float, share: float) -> None:
    found = lost_shares({0: update(torch.bfloat16, step)})
    assert found is not None
    assert float(found[0]) == share


def test_weights_of_single_precision_are_not_looked_at() -> None:
    assert lost_shares({0: update(torch.float32, 0.0)}) is None
    mixed = lost_shares({0: update(torch.float32, 1e-3), 3: update(torch.float16, 1e-6)})
    assert mixed is not None
    assert float(mixed[0]) == 1.0
    assert set(mixed[1]) == {3}


def test_each_weight_has_its_share() -> None:
    found = lost_shares({1: update(torch.bfloat16, 2.0**-8), 2: update(torch.bfloat16, 2.0**-12)})
    assert found is not None
    assert (float(found[0]), float(found[1][1]), float(found[1][2])) == (0.5, 0.0, 1.0)


def test_weights_that_no_gradient_asks_to_move_do_not_count() -> None:
    found = lost_shares({0: update(torch.bfloat16, 0.0, gradient=0.0)})
    assert found is not None
    assert found[0].isnan()


def test_a_step_of_half_precision_has_the_share_of_each_weight(watched: Any) -> None:
    model = nn.Linear(4, 2, dtype=torch.bfloat16)
    with torch.no_grad():
        model.weight.fill_(256.0)
        model.bias.fill_(0.01)
    with watched(model) as step:
        model(torch.ones(3, 4, dtype=torch.bfloat16)).sum().backward()
        sample = step.update()
    assert sample["update_lost_of"] == [0.0 if name == "bias" else 1.0 for name, _ in model.named_parameters()]
    assert sample["update_lost"] == pytest.approx(0.8)


def test_a_step_of_single_precision_has_no_share(watched: Any) -> None:
    model = nn.Linear(4, 2)
    with watched(model) as step:
        model(torch.ones(3, 4)).sum().backward()
        sample = step.update()
    assert math.isnan(sample.get("update_lost", math.nan))
    assert "update_lost_of" not in sample
