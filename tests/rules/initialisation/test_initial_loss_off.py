from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Finding, NotEvaluated, Run, signals
from unstuck.record.facts import InitialLoss, Loss, LossClasses, LossOutput, LossTarget, Model, Parameter
from unstuck.rules import judge
from unstuck.rules.initialisation.initial_loss_off import InitialLossOff
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]
TEN = Loss(
    function="cross_entropy",
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(10,) * 10),
)


class TestContract(RuleContract):
    rule = InitialLossOff()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(normal=1.0)

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train()


def test_weights_far_too_large_come_first(train: Train) -> None:
    first = judge(train(normal=1.0)).findings[0]
    assert (first.code, first.cause, first.severity) == ("I101", "init-scale-wrong", "error")
    assert "ln C, C = 10" in first.evidence[0].note


def test_a_sum_for_a_mean_is_told_by_the_batch_size(train: Train) -> None:
    first = judge(train(summed=True, method="sgd", rate=0.1)).findings[0]
    assert (first.code, first.cause) == ("I101", "loss-reduction-wrong")
    assert str(first.where) == "train.py:20"


def test_a_trained_start_is_no_fault(train: Train, weights: Any) -> None:
    assert outcome(InitialLossOff(), train(start=weights, rate=1e-4, epochs=3)) == []


def start(folder: Path, values: np.ndarray, *facts: Loss | InitialLoss) -> Run:
    return record(folder, series={signals.LOSS: values}, facts=facts)


@pytest.mark.parametrize("first", [0.3, 0.6, 2.2, 2.303, 2.6, 4.0, 6.0])
def test_starts_below_or_somewhat_above_are_silent(tmp_path: Path, first: float) -> None:
    with start(tmp_path / "a", first * np.exp(-np.linspace(0, 4, 100)), TEN) as run:
        assert outcome(InitialLossOff(), run) == []


def test_a_high_start_that_recovers_at_once_is_a_note(tmp_path: Path) -> None:
    values = 60 * np.exp(-np.linspace(0, 200, 1000)) + 0.1
    with start(tmp_path / "a", values, TEN) as run:
        assert [finding.severity for finding in outcome(InitialLossOff(), run)] == ["note"]


def test_a_declared_sum_is_expected_as_a_sum(tmp_path: Path) -> None:
    loss = Loss(
        function="cross_entropy",
        reduction="sum",
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=10, counts=(10,) * 10),
    )
    values = 32 * math.log(10) * np.exp(-np.linspace(0, 4, 100))
    with start(tmp_path / "a", values, loss) as run:
        assert outcome(InitialLossOff(), run) == []


def test_losses_put_together_have_no_expectation(tmp_path: Path) -> None:
    parts = (Loss(function="mse_loss", target=LossTarget(mean=0.0, variance=1.0)), TEN)
    with start(tmp_path / "a", np.full(100, 50.0), *parts) as run:
        (entry,) = InitialLossOff().apply(run)
    assert isinstance(entry, NotEvaluated)


def test_the_check_before_training_takes_precedence(tmp_path: Path) -> None:
    fact = InitialLoss(value=40.0, expected=2.3, tolerance=0.1, formula="ln C, C = 10", examples=256)
    with start(tmp_path / "a", np.full(100, 2.3), fact) as run:
        (finding,) = outcome(InitialLossOff(), run)
    assert finding.evidence[0].signal == "initial_loss"


def test_elements_that_the_program_sums_up_itself_have_no_expected_start(tmp_path: Path) -> None:
    """As an autoencoder's, summed over pixels and divided by a variance."""
    call = Loss(
        function="mse_loss",
        reduction="none",
        output=LossOutput(shape=(50, 64)),
        target=LossTarget(shape=(50, 64), type="real", mean=0.0, variance=1.0),
    )
    with start(tmp_path / "a", 134.0 * np.exp(-np.linspace(0, 1, 100)), call) as run:
        (found,) = InitialLossOff().apply(run)
        assert isinstance(found, NotEvaluated)


def test_a_penalty_that_is_added_says_nothing_of_the_outputs(tmp_path: Path) -> None:
    total = 40.0 * np.exp(-np.linspace(0, 3, 100)) + 2.0
    for name, called, found in (("penalty", np.full(100, 2.3), 0), ("outputs", total, 1)):
        series = {signals.LOSS: total, signals.LOSS_CALL: called}
        with record(tmp_path / name, series=series, facts=[TEN]) as run:
            assert len(outcome(InitialLossOff(), run)) == found


def test_nobody_is_told_to_draw_anew_what_was_trained(tmp_path: Path) -> None:
    values = 1.5 + 6.0 * np.exp(-np.linspace(0, 3, 100))
    for name, fresh in (("drawn", True), ("learnt", False)):
        body = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=fresh)
        with record(
            tmp_path / name, series={signals.LOSS: values}, facts=[TEN, Model(type="Net", parameters=(body,))]
        ) as run:
            (answer,) = InitialLossOff().check(run)
        assert isinstance(answer, Finding if fresh else NotEvaluated)
