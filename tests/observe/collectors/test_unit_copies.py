"""When units are compared; what is computed of them is tested with the computation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.observe.collectors.unit_copies import UnitCopies


def test_copies_are_told_from_units_that_differ(watched: Any) -> None:
    model = nn.Sequential(nn.Linear(5, 8), nn.Linear(8, 3))
    with torch.no_grad():
        model[0].weight.copy_(model[0].weight[:1].repeat(8, 1))
    with watched(model) as step:
        spread = dict(zip(step.view.named, step.update()["unit_spread"], strict=True))
    assert spread["0.weight"] == pytest.approx(0.0, abs=1e-6)
    assert spread["1.weight"] > 0.1
    assert spread["0.bias"] != spread["0.bias"], "a bias has no units with several inputs"


def test_they_are_compared_each_time_that_the_number_of_steps_doubles(watched: Any) -> None:
    with watched(nn.Linear(3, 4)) as step:
        copies = UnitCopies(step.view)
        compared: list[int] = []
        for number in range(40):
            step.view.step = number
            if copies.update(None) is not None:
                compared.append(number)
    assert compared == [0, 1, 2, 4, 8, 16, 32]


def test_without_parameters_there_is_nothing_to_compare(watched: Any) -> None:
    with watched(nn.ReLU()) as step:
        assert UnitCopies(step.view).update(None) is None
