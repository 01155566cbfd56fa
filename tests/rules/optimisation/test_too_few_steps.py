from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Bootstrap, End, Loss
from unstuck.rules import judge
from unstuck.rules.optimisation.too_few_steps import TooFewSteps
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = TooFewSteps()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(epochs=1)

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train(epochs=10)


@pytest.mark.parametrize(
    "fault",
    [
        {"epochs": 1},
        {"epochs": 2},
        {"method": "sgd", "rate": 0.1, "epochs": 1},
        {"method": "sgd", "rate": 0.1, "epochs": 3},
        {"method": "sgd", "rate": 0.3, "epochs": 30, "batch": 1200},
    ],
    ids=str,
)
def test_trainings_that_stop_on_the_slope(train: Train, fault: dict[str, object]) -> None:
    assert judge(train(**fault)).findings[0].cause == "too-few-steps"


def slope(folder: Path, values: np.ndarray, *facts: End | Bootstrap) -> Run:
    return record(folder, series={signals.LOSS: values}, facts=facts)


def test_how_training_ended_matters(tmp_path: Path) -> None:
    line = np.linspace(2.3, 1.8, 100)
    with slope(tmp_path / "a", line) as run:
        assert len(outcome(TooFewSteps(), run)) == 1
    with slope(tmp_path / "b", line, End(reason="early stopping", steps=100)) as run:
        assert outcome(TooFewSteps(), run) == []
    with slope(tmp_path / "c", line, End(reason="interrupted", steps=100)) as run:
        assert list(TooFewSteps().apply(run)) == [NotEvaluated(reason="training was interrupted before its end")]


@pytest.mark.parametrize(("last", "found"), [(10.0, 1), (40.0, 0)])
def test_the_loss_of_targets_that_move_tells_of_no_end(tmp_path: Path, last: float, found: int) -> None:
    targets = {signals.TARGET_MEAN: np.linspace(10.0, last, 100), signals.TARGET_STD: [6.0] * 100}
    series = {signals.LOSS: np.linspace(2.3, 1.8, 100), signals.BATCH_SIZE: [64.0] * 100, **targets}
    with record(tmp_path, series=series, facts=[Loss(function="mse_loss")]) as run:
        assert len(outcome(TooFewSteps(), run)) == found


def test_nor_does_one_of_targets_that_the_model_makes_itself(tmp_path: Path) -> None:
    target = Bootstrap(
        transitions=640, ended=9, discount=0.99, lowest=0.0, highest=1.0, flagged=0, apart=None, late=9.0, plain=True
    )
    with slope(tmp_path, np.linspace(2.3, 1.8, 100), target) as run:
        assert outcome(TooFewSteps(), run) == []


def test_a_rate_that_was_brought_to_nothing_ended_the_training(tmp_path: Path) -> None:
    rates = {signals.LEARNING_RATE: {"0": np.linspace(0.1, 0.0, 100)}}
    with record(tmp_path / "a", series={signals.LOSS: np.linspace(2.3, 1.8, 100)}, tables=rates) as run:
        assert outcome(TooFewSteps(), run) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.sampled_from([30, 100, 300, 1000]),
    constants=st.floats(3.0, 200.0),
    floor=st.floats(0.0, 0.9),
    sigma=st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    unit=st.sampled_from([1e-4, 1.0, 1e3]),
)
@example(seed=107284752, length=1000, constants=3.0, floor=0.5, sigma=0.5, unit=1e-4)
@example(seed=60, length=1000, constants=3.0, floor=0.5, sigma=0.5, unit=1e-4)
def test_decays_that_have_run_for_three_time_constants_are_silent(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int, length: int, constants: float, floor: float, sigma: float, unit: float,
) -> None:  # fmt: skip
    time = np.linspace(0, 1, length)
    noise = np.random.default_rng(seed).lognormal(-(sigma**2) / 2, sigma, length)
    values = unit * (floor + (1 - floor) * np.exp(-constants * time)) * noise
    with slope(tmp_path_factory.mktemp("run"), values) as run:
        assert [finding for finding in outcome(TooFewSteps(), run) if finding.severity != "note"] == []


def test_a_loss_that_still_falls_by_a_part_of_itself_is_worth_a_note(tmp_path: Path) -> None:
    time = np.linspace(0, 1, 1000)
    with slope(tmp_path / "falling", 0.2 + np.exp(-2.5 * time)) as run:
        assert [finding.severity for finding in outcome(TooFewSteps(), run)] == ["note"]
    with slope(tmp_path / "settled", 0.3 + np.exp(-20 * time)) as run:
        assert outcome(TooFewSteps(), run) == []


def test_a_training_of_a_few_dozen_steps_is_worth_a_note(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 60)
    values = 0.4 + 0.6 * np.exp(-8 * np.linspace(0, 1, 60)) + noise
    with slope(tmp_path / "short", values) as run:
        assert [finding.severity for finding in outcome(TooFewSteps(), run)] == ["note"]
    with record(tmp_path / "long", series={signals.LOSS: np.repeat(values, 10)}) as run:
        assert outcome(TooFewSteps(), run) == []


def test_a_loss_that_hardly_moved_is_stuck_not_unfinished(tmp_path: Path) -> None:
    with slope(tmp_path, np.linspace(2.30, 2.28, 300)) as run:
        assert outcome(TooFewSteps(), run) == []


@pytest.mark.parametrize(("end", "advised"), [(1.0, True), (1.02, True), (1.5, False)])
def test_nobody_is_told_to_go_on_where_the_validation_loss_has_turned(
    tmp_path: Path, end: float, advised: bool
) -> None:
    validation = np.concatenate([np.linspace(2.3, 1.0, 5), np.linspace(1.0, end, 5)])
    series = {signals.LOSS: np.linspace(2.3, 1.8, 100), signals.VALIDATION_LOSS: validation}
    with record(tmp_path, series=series, steps={signals.VALIDATION_LOSS: range(0, 100, 10)}) as run:
        answer = outcome(TooFewSteps(), run)
    assert bool(answer) is advised
