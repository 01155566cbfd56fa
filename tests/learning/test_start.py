"""The loss that a training should begin with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from unstuck.learning.start import expected_start
from unstuck.record import signals
from unstuck.record.facts import InitialLoss, Loss, LossClasses, LossOutput, LossTarget
from unstuck.testing.rules import record

TEN = Loss(function="cross_entropy", classes=LossClasses(number=10, counts=(10,) * 10))


def test_by_the_formula_with_the_error_of_one_batch(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.BATCH_SIZE: [64.0]}, facts=[TEN]) as run:
        found = expected_start(run)
    assert found == (pytest.approx(math.log(10)), pytest.approx(3 * math.log(10) / 8), "ln C, C = 10")


def test_what_was_measured_before_training_comes_first(tmp_path: Path) -> None:
    known = InitialLoss(value=2.2, expected=2.5, tolerance=0.5, formula="ln C, C = 12", examples=32)
    with record(tmp_path, facts=[TEN, known]) as run:
        assert expected_start(run) == (2.5, 0.5, "ln C, C = 12")


@pytest.mark.parametrize(("operation", "expected"), [("Sigmoid", 0.05 + 0.16), ("Addmm", 0.05 + 0.01)])
def test_a_sigmoid_begins_with_a_half(operation: str, expected: float, tmp_path: Path) -> None:
    target = LossTarget(type="real", shape=(8, 64), mean=0.1, variance=0.05)
    output = LossOutput(shape=(8, 64), operation=operation)
    with record(tmp_path, facts=[Loss(function="mse_loss", target=target, output=output)]) as run:
        found = expected_start(run)
    assert found is not None
    assert found[0] == pytest.approx(expected)


@pytest.mark.parametrize("loss", [Loss(function="cross_entropy", reduction="none"), Loss(function="l1_loss")])
def test_else_nothing_is_expected(loss: Loss, tmp_path: Path) -> None:
    with record(tmp_path, facts=[loss]) as run:
        assert expected_start(run) is None
