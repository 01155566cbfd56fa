"""Losses of evaluations are compared with a guess in their own unit, and with none where that is not known."""

from __future__ import annotations

import numpy as np
import pytest

from unstuck.learning.evaluated_loss import own_unit
from unstuck.learning.evaluations import Evaluations
from unstuck.record import Series
from unstuck.record.facts import EvaluatedLoss, Loss, LossTarget, TargetOutputs

NONE = Series(np.empty(0, np.int64), np.empty(0))
PRICES = Loss(
    function="mse_loss",
    target=LossTarget(
        shape=(32, 1), type="real", variance=1.0, each=TargetOutputs(outputs=1, examples=900, variance=1.0)
    ),
)


def seen(**measure: object) -> Evaluations:
    known = {"function": "mse_loss", "shape": (200, 1), "reduction": "mean", **measure}
    return Evaluations(NONE, NONE, NONE, (EvaluatedLoss(**known),), frozenset({"mse_loss"}))


@pytest.mark.parametrize(
    ("measure", "guess"),
    [
        ({}, 1.0),
        ({"reduction": "sum"}, 1.0),
        ({"variance": 2500.0, "output_variance": 2400.0}, 2500.0),
        ({"variance": 2500.0, "output_variance": 0.9}, 1.0),
        ({"function": "l1_loss"}, None),
    ],
    ids=["the same", "summed", "in dollars", "targets not converted", "another function"],
)
def test_a_guess_has_the_unit_of_the_evaluation(measure: dict[str, object], guess: float | None) -> None:
    unit = own_unit(seen(**measure), PRICES)
    if guess is None:
        assert unit is None or not unit.same
    else:
        assert unit is not None
        assert unit.same
        assert unit.guess.value == pytest.approx(guess, rel=0.05)


def test_two_reductions_at_once_have_no_unit() -> None:
    one, other = (EvaluatedLoss(function="mse_loss", shape=(200, 1), reduction=name) for name in ("mean", "sum"))
    assert own_unit(Evaluations(NONE, NONE, NONE, (one, other), frozenset({"mse_loss"})), PRICES) is None
    assert own_unit(seen(), None) is None


def test_what_is_left_is_a_share_of_what_there_is_to_learn() -> None:
    unit = own_unit(seen(reduction="sum", shape=(200, 1)), PRICES)
    assert unit is not None
    assert unit.left(unit.guess.value) == 1.0
    assert unit.left(unit.floor) == 0.0
