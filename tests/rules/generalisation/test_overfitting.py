from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import End, EvaluatedLoss, Fact, Loss, LossOutput, LossTarget, TargetOutputs
from unstuck.rules import judge
from unstuck.rules.generalisation.overfitting import Overfitting
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = Overfitting()

    @pytest.fixture
    def sick(self, train: Train, samples: Any) -> Run:
        return train(sample=samples.noisy, hidden=(64, 64), epochs=150, batch=20)

    @pytest.fixture
    def healthy(self, train: Train, samples: Any) -> Run:
        return train(sample=samples.many_noisy, hidden=(16,), epochs=6)


def test_memorised_noise_comes_first(train: Train, samples: Any) -> None:
    first = judge(train(sample=samples.noisy, hidden=(64, 64), epochs=150, batch=20)).findings[0]
    assert (first.code, first.cause, first.severity) == ("R101", "overfitting", "warning")


def test_a_training_set_fitted_fully_is_healthy_where_validation_follows(train: Train) -> None:
    assert judge(train(epochs=25)).findings == ()


def losses(folder: Path, train: np.ndarray, validation: np.ndarray, *facts: Fact) -> Run:
    every = len(train) // len(validation)
    steps = {signals.VALIDATION_LOSS: [every * (i + 1) for i in range(len(validation))]}
    series = {signals.LOSS: train, signals.VALIDATION_LOSS: validation}
    return record(folder, series=series, steps=steps, facts=facts)


FALLING = np.geomspace(0.7, 0.001, 400)
TURNING = 0.45 + 0.6 * (np.linspace(0, 1, 40) - 0.3) ** 2 * 4


def test_a_training_that_stopped_early_gives_a_note(tmp_path: Path) -> None:
    for name, facts, severity in (("a", (), "warning"), ("b", (End(reason="early stopping", steps=400),), "note")):
        with losses(tmp_path / name, FALLING, TURNING, *facts) as run:
            assert [finding.severity for finding in outcome(Overfitting(), run)] == [severity]


def test_a_training_loss_that_rises_too_is_no_overfitting(tmp_path: Path) -> None:
    with losses(tmp_path / "a", np.append(FALLING[:200], FALLING[:200][::-1]), TURNING) as run:
        assert outcome(Overfitting(), run) == []


def test_few_evaluations_are_not_judged(tmp_path: Path) -> None:
    with losses(tmp_path / "a", FALLING, TURNING[::10]) as run:
        assert isinstance(next(iter(Overfitting().apply(run))), NotEvaluated)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    evaluations=st.integers(5, 60),
    floor=st.floats(0.02, 0.6),
    creep=st.floats(0.0, 0.08),
    sigma=st.floats(0.0, 0.1),
    unit=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_a_validation_loss_that_levels_off_and_creeps_is_silent(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int, evaluations: int, floor: float, creep: float, sigma: float, unit: float,
) -> None:  # fmt: skip
    time = np.linspace(0, 1, evaluations)
    noise = np.random.default_rng(seed).lognormal(0, sigma, evaluations)
    validation = unit * (floor + 2.3 * np.exp(-8 * time) + creep * time) * noise
    train = unit * 2.3 * np.geomspace(1, 1e-3, 10 * evaluations)
    with losses(tmp_path_factory.mktemp("run"), train, validation) as run:
        assert outcome(Overfitting(), run) == []


REGRESSION = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))
BY_HEART = np.geomspace(1.0, 1e-7, 400)


@pytest.mark.parametrize(("level", "found"), [(0.7, 1), (0.35, 1), (0.2, 0), (9.0, 1), (1e6, 0)])
def test_training_data_known_by_heart_without_a_turn(tmp_path: Path, level: float, found: int) -> None:
    """The last level is one in another unit, such as dollars."""
    with losses(tmp_path / "a", BY_HEART, np.full(12, level), REGRESSION) as run:
        assert len(outcome(Overfitting(), run)) == found


@pytest.mark.parametrize(("last", "found"), [((4.0,), 0), ((4.0, 4.0), 1), ((4.0, 0.5), 0)])
def test_one_evaluation_behind_the_best_may_be_of_another_kind(
    tmp_path: Path, last: tuple[float, ...], found: int
) -> None:
    """Such as a rollout over many steps, after the last of the forecasts of one."""
    validation = np.concatenate([np.geomspace(2.3, 0.4, 12), last])
    with losses(tmp_path, np.geomspace(2.3, 0.05, 400), validation) as run:
        assert len(outcome(Overfitting(), run)) == found


@pytest.mark.parametrize(
    ("reduction", "unit", "left", "found"),
    [
        ("mean", 1.0, 0.5, 1),
        ("mean", 1.0, 0.1, 0),
        ("sum", 16.0, 0.5, 1),
        ("sum", 16.0, 0.1, 0),  # above the guess of a mean, and far below its own
    ],
)
def test_each_loss_is_held_against_the_guess_of_its_own_unit(
    reduction: str, unit: float, left: float, found: int, tmp_path: Path
) -> None:
    each = TargetOutputs(outputs=16, examples=900, variance=1.0)
    shapes = {"output": LossOutput(shape=(32, 16)), "target": LossTarget(shape=(32, 16), type="real", each=each)}
    measure = EvaluatedLoss(function="mse_loss", shape=(200, 16), reduction=reduction)
    validation = unit * np.geomspace(1.0, left, 40)
    with losses(tmp_path, FALLING, validation, Loss(function="mse_loss", **shapes), measure) as run:
        assert len(outcome(Overfitting(), run)) == found


def test_a_sum_that_is_divided_and_other_terms_are_not_taken_for_a_loss_near_zero(tmp_path: Path) -> None:
    """What is differentiated is the error of one example and a divergence; the function returned that of a batch."""
    each = TargetOutputs(outputs=64, examples=900, variance=0.07)
    shapes = {"output": LossOutput(shape=(70, 64)), "target": LossTarget(shape=(70, 64), type="real", each=each)}
    called = np.geomspace(330.0, 100.0, 400)
    series = {
        signals.LOSS: called / 70 + np.linspace(0.1, 0.3, 400),
        signals.LOSS_CALL: called,
        signals.BATCH_SIZE: [70.0] * 400,
        signals.VALIDATION_LOSS: np.geomspace(0.07, 0.022, 40),
    }
    facts = [
        Loss(function="mse_loss", reduction="sum", **shapes),
        EvaluatedLoss(function="mse_loss", shape=(397, 64), reduction="mean"),
    ]
    with record(tmp_path, series=series, facts=facts, steps={signals.VALIDATION_LOSS: range(10, 410, 10)}) as run:
        assert outcome(Overfitting(), run) == []
