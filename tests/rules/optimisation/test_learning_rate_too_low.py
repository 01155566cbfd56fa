from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget
from unstuck.rules import judge
from unstuck.rules.optimisation.learning_rate_too_low import LearningRateTooLow
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = LearningRateTooLow()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(rate=1e-6)

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train()


@pytest.mark.parametrize(
    "fault",
    [
        {"rate": 1e-6},
        {"rate": 1e-5},
        {"method": "sgd", "rate": 1e-4},
        {"method": "sgd", "rate": 1e-3},
        {"method": "sgd", "rate": 1e-3, "batch": 1200, "epochs": 100},
    ],
    ids=str,
)
def test_rates_far_too_low_come_first(train: Train, fault: dict[str, object]) -> None:
    first = judge(train(**fault)).findings[0]
    assert (first.code, first.cause, first.severity) == ("O202", "lr-too-low", "error")
    assert "Raise the learning rate" in first.advice


def test_regression_too(train: Train, samples: Any) -> None:
    verdict = judge(train(sample=samples.diabetes, hidden=(16,), epochs=20, rate=1e-6))
    assert verdict.findings[0].cause == "lr-too-low"
    assert judge(train(sample=samples.diabetes, hidden=(16,), epochs=20, rate=1e-2)).findings == ()


def test_a_trained_start_at_a_low_rate_is_finished_not_slow(train: Train, weights: Any) -> None:
    assert outcome(LearningRateTooLow(), train(start=weights, rate=1e-6, epochs=3)) == []


def test_warm_up_and_decay_pass(train: Train) -> None:
    run = train(rate=3e-3, schedule=lambda share: min(share / 0.1, 1.0) * (1 - share))
    assert outcome(LearningRateTooLow(), run) == []


def steady(folder: Path, ratio: float, gradient: float, fall: float) -> Run:
    time = np.linspace(0, 1, 200)
    loss = 2.3 * (1 - fall * time) + 1e-4 * np.random.default_rng(0).normal(size=200)
    tables = {
        signals.UPDATE_RATIO: {"0.weight": [ratio] * 200},
        signals.GRADIENT_NORM: {"0.weight": [gradient] * 200},
        signals.WEIGHT_NORM: {"0.weight": [5.0] * 200},
    }
    return record(folder, series={signals.LOSS: loss}, tables=tables)


def test_a_vanished_gradient_is_no_matter_of_rate(tmp_path: Path) -> None:
    with steady(tmp_path / "alive", 1e-6, 0.3, 0.01) as run:
        assert len(outcome(LearningRateTooLow(), run)) == 1
    with steady(tmp_path / "vanished", 1e-6, 1e-6, 0.01) as run:
        assert outcome(LearningRateTooLow(), run) == []


def test_a_flat_loss_of_unknown_kind_may_be_finished(tmp_path: Path) -> None:
    with steady(tmp_path / "run", 1e-6, 0.3, 0.0) as run:
        assert outcome(LearningRateTooLow(), run) == []


@pytest.mark.parametrize("unit", [1e-5, 1.0, 1e5])
def test_the_unit_of_the_loss_changes_no_verdict(train: Train, unit: float) -> None:
    assert judge(train(rate=1e-6, scale=unit)).findings[0].cause in ("lr-too-low", "init-scale-wrong")
    assert outcome(LearningRateTooLow(), train(rate=1e-3, scale=unit)) == []


def test_small_steps_that_leave_most_of_the_loss_are_worth_a_note(tmp_path: Path) -> None:
    classes = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 10)),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=10, counts=(100,) * 10),
    )

    def slow(folder: Path, ratio: float, end: float) -> Run:
        tables = {
            signals.UPDATE_RATIO: {"0.weight": [ratio] * 400},
            signals.GRADIENT_NORM: {"0.weight": [1.0] * 400},
            signals.WEIGHT_NORM: {"0.weight": [5.0] * 400},
        }
        losses = end + (2.3 - end) * np.exp(-np.linspace(0, 4, 400))
        return record(folder, series={signals.LOSS: losses}, tables=tables, facts=[classes])

    assert [f.severity for f in outcome(LearningRateTooLow(), slow(tmp_path / "a", 1e-3, 1.6))] == ["note"]
    assert outcome(LearningRateTooLow(), slow(tmp_path / "b", 1e-2, 1.6)) == []
    assert outcome(LearningRateTooLow(), slow(tmp_path / "c", 1e-3, 0.6)) == []


@pytest.mark.parametrize(
    ("ratio", "level", "found"), [(1e-5, 1.2, 1), (1e-3, 1.2, 0), (1e-5, 0.2, 0)], ids=["still", "moves", "finished"]
)
def test_learnt_weights_that_do_not_move_are_no_fine_tuning(
    tmp_path: Path, ratio: float, level: float, found: int
) -> None:
    losses = level + 0.02 * np.random.default_rng(0).normal(size=200)
    tables = {
        signals.UPDATE_RATIO: {"0.weight": [ratio] * 200},
        signals.GRADIENT_NORM: {"0.weight": [0.3] * 200},
        signals.WEIGHT_NORM: {"0.weight": [5.0] * 200},
    }
    loss = Loss(
        function="cross_entropy",
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=10, counts=(20,) * 10),
    )
    run = record(tmp_path, series={signals.LOSS: losses}, tables=tables, facts=[loss])
    assert len(outcome(LearningRateTooLow(), run)) == found
