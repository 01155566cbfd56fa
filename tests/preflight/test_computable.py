from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject, run_checks
from unstuck.preflight.computable import obstacle

Make = Callable[..., Subject]


def holding_nan() -> nn.Module:
    model = nn.Linear(8, 3)
    model.weight.data[0, 0] = float("nan")
    return model


class Overflowing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(1e4 + self.layer(x))


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "shape": ({"model": nn.Linear(9, 3)}, "does-not-run", "does not run on the inputs"),
    "loss": ({"loss": lambda o, t: functional.mse_loss(o, t[:5])}, "does-not-run", "does not take outputs and targets"),
    "device": ({"data": (torch.zeros(4, 8, device="meta"), torch.zeros(4).long())}, "does-not-run", "on meta"),
    "nowhere": ({"model": nn.Linear(8, 3, device="meta")}, "does-not-run", "holds no numbers"),
    "number": ({"loss": lambda o, t: functional.cross_entropy(o, t).item()}, "graph-detached", "float"),
    "not scalar": ({"loss": nn.CrossEntropyLoss(reduction="none")}, "loss-reduction-wrong", "of shape (200,)"),
    "weights": ({"model": holding_nan()}, "init-scale-wrong", "weight holds NaN"),
    "inputs": ({"data": (torch.full((4, 8), float("nan")), torch.zeros(4).long())}, "data-non-finite", "inputs hold"),
    "outputs": ({"model": Overflowing()}, "init-scale-wrong", "outputs are NaN"),
    "log": ({"loss": lambda o, t: (o - o).sum().log() * 0.0}, "loss-unstable", "outputs are finite"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_stands_in_the_way_is_named_and_is_a_cross(subject: Make, name: str) -> None:
    given, cause, words = CASES[name]
    found = obstacle(subject(**given))
    assert found is not None
    assert found.cause == cause
    assert words in found.what
    assert found.advice
    checklist = run_checks(subject(**given))
    assert not checklist.ok
    assert [check.cause for check in checklist.failures] == [cause], str(checklist)


def test_a_sound_training_meets_none(subject: Make) -> None:
    assert obstacle(subject()) is None


def test_what_does_not_run_is_said_once(subject: Make) -> None:
    checklist = run_checks(subject(nn.Linear(9, 3)))
    assert sum("cannot be multiplied" in check.reason for check in checklist) <= 2
    assert [check.name for check in checklist.failures] == ["outputs fit"]
