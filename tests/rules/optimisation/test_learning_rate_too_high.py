from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Loss, LossClasses, LossTarget, Model, NonFinite, Parameter
from unstuck.rules import judge
from unstuck.rules.optimisation.learning_rate_too_high import LearningRateTooHigh
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = LearningRateTooHigh()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(rate=1.0)

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train()


@pytest.mark.parametrize(
    "fault",
    [
        {"rate": 0.3},
        {"rate": 10.0},
        {"method": "sgd", "rate": 3.0},
        {"method": "sgd", "rate": 10.0},
        {"method": "sgd", "rate": 100.0},
        {"method": "sgd", "rate": 3.0, "momentum": 0.9},
    ],
    ids=str,
)
def test_rates_far_too_high_come_first_with_dead_units_under_them(train: Train, fault: dict[str, object]) -> None:
    first = judge(train(**fault)).findings[0]
    assert (first.code, first.cause, first.severity) == ("O201", "lr-too-high", "error")
    assert str(first.where) == "train.py:12"
    assert "O401" not in [symptom.code for symptom in first.symptoms]


@pytest.mark.parametrize("rate", [1e-3, 3e-3, 1e-2, 3e-2])
def test_adam_is_healthy_over_a_wide_range_of_rates(train: Train, rate: float) -> None:
    assert outcome(LearningRateTooHigh(), train(rate=rate)) == []


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_full_batch_descent_that_bounces_but_learns_is_healthy(train: Train, rate: float) -> None:
    assert outcome(LearningRateTooHigh(), train(method="sgd", rate=rate, batch=1200, epochs=100)) == []


def test_the_advice_names_the_rate_to_try(train: Train) -> None:
    (finding,) = outcome(LearningRateTooHigh(), train(method="sgd", rate=10.0))
    assert finding.advice.startswith("Lower the learning rate (lr=10 at train.py:12): try lr=0.4 (")
    assert judge(train(method="sgd", rate=0.4)).kind == "healthy", "obeyed once"


@pytest.mark.parametrize(("end", "found"), [(1.75, False), (1.95, True)])
def test_a_loss_that_still_falls_under_large_steps_has_not_stalled(tmp_path: Path, end: float, found: bool) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([np.linspace(3.0, 2.0, 100), np.linspace(2.0, end, 100)]) + 0.01 * rng.normal(size=200)
    swings = {signals.LOSS: values, signals.GRADIENT_COSINE: [-0.5] * 200}
    with record(tmp_path, series=swings, tables={signals.UPDATE_RATIO: {"0.weight": [0.04] * 200}}) as run:
        assert [finding.severity for finding in outcome(LearningRateTooHigh(), run)] == ["warning"] * found


def climbing(folder: Path, ratio: float, **more: object) -> Run:
    values = np.exp(np.linspace(0, 5, 60))
    names = {signals.UPDATE_RATIO: {"0.weight": [ratio] * 60}}
    return record(folder, series={signals.LOSS: values}, tables=names, **more)  # type: ignore[arg-type]


def test_a_loss_that_climbs_under_small_steps_has_another_cause(tmp_path: Path) -> None:
    with climbing(tmp_path / "small", 1e-3) as run:
        assert outcome(LearningRateTooHigh(), run) == []
    with climbing(tmp_path / "large", 0.2) as run:
        assert len(outcome(LearningRateTooHigh(), run)) == 1


def test_data_that_are_not_finite_are_no_matter_of_rate(tmp_path: Path) -> None:
    with climbing(tmp_path / "run", 0.2, facts=[NonFinite(step=3, what="input")]) as run:
        assert outcome(LearningRateTooHigh(), run) == []


def test_steps_that_climb_the_gradient_are_no_matter_of_rate(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.name(signals.UPDATE_RATIO.index, ["0.weight"])
        for step, loss in enumerate(np.exp(np.linspace(0, 5, 60))):
            writer.add(signals.LOSS, step, loss)
            writer.add(signals.UPDATE_RATIO, step, [0.2])
            writer.add(signals.UPDATE_GRADIENT_COSINE, step, [1.0])
    with Run.open(tmp_path) as run:
        assert outcome(LearningRateTooHigh(), run) == []


def game(folder: Path, ratio: float) -> Iterator[Run]:
    """A generator whose loss rises as its critic learns, and that critic."""
    rng = np.random.default_rng(0)
    with RunWriter(folder) as writer:
        for stream in (0, 1):
            writer.name(signals.UPDATE_RATIO.index, ["0.weight"], stream=stream)
            for step in range(400):
                share = step / 400
                mean = 0.7 + 3.0 * share if stream else 1.4 * np.exp(-3 * share) + 0.3
                writer.add(signals.LOSS, step, mean * rng.lognormal(0, 0.2), stream=stream)
                writer.add(signals.UPDATE_RATIO, step, [ratio], stream=stream)
    with Run.open(folder) as run:
        yield from run.streams()


def test_the_loss_of_a_generator_may_rise(tmp_path: Path) -> None:
    for stream in game(tmp_path, 5e-3):
        assert outcome(LearningRateTooHigh(), stream) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(unit=st.floats(1e-4, 1e4), stride=st.integers(1, 20))
def test_the_unit_of_the_loss_and_the_stride_change_no_verdict(
    tmp_path_factory: pytest.TempPathFactory, unit: float, stride: int
) -> None:
    rng = np.random.default_rng(3)
    for ratio, expected in ((0.2, 1), (1e-3, 0)):
        values = unit * (1 + np.abs(rng.normal(size=80)) * np.linspace(0, 20, 80))
        steps = list(range(0, 80 * stride, stride))
        given_steps = {signals.LOSS: steps, signals.UPDATE_RATIO: steps}
        tables = {signals.UPDATE_RATIO: {"0.weight": [ratio] * 80}}
        folder = tmp_path_factory.mktemp("run")
        with record(folder, series={signals.LOSS: values}, tables=tables, steps=given_steps) as run:
            assert len(outcome(LearningRateTooHigh(), run)) == expected


def test_numbers_beyond_all_bounds_raise_no_warning(train: Train) -> None:
    run = train(method="sgd", rate=1e6, epochs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge(run)
    assert not [reason for reason in verdict.not_evaluated.values() if "failed" in reason]
    assert verdict.findings[0].cause == "lr-too-high"


@pytest.mark.parametrize(("ratio", "found"), [(0.08, ["lr-too-high"]), (0.004, [])])
def test_what_was_learnt_in_the_warm_up_is_lost_at_the_height_of_the_rate(
    tmp_path: Path, ratio: float, found: list[str]
) -> None:
    """Small steps do not lift a loss: there the data have changed."""
    falling, lifted = np.geomspace(2.3, 1.5, 20), np.full(200, 2.2)
    values = np.concatenate([falling, lifted, np.linspace(2.2, 1.6, 220)])
    values += np.random.default_rng(0).normal(0, 0.05, len(values))
    steps = [ratio * height for height in (*np.linspace(0.1, 1, 10), *np.linspace(1, 0, 10))]
    run = record(tmp_path, series={signals.LOSS: values}, tables={signals.UPDATE_RATIO: {"weight": steps}})
    assert [finding.cause for finding in outcome(LearningRateTooHigh(), run)] == found


TEN = LossClasses(number=10, counts=(20,) * 10)


@pytest.mark.parametrize(
    ("fresh", "ratio", "end", "found"),
    [(False, 0.1, 2.2, 1), (True, 0.1, 2.2, 0), (False, 0.01, 2.2, 0), (False, 0.1, 0.3, 0)],
)
def test_trained_weights_that_the_first_steps_move_by_half_their_size(
    tmp_path: Path, fresh: bool, ratio: float, end: float, found: int
) -> None:
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    model = Model(type="Net", parameters=(Parameter(name="0.weight", shape=(64, 64), role="weight", fresh=fresh),))
    curve = end + (2.6 - end) * np.exp(-np.linspace(0, 40, 200))
    ratios = [ratio] * 10 + [0.002] * 190
    run = record(
        tmp_path,
        series={signals.LOSS: list(curve)},
        tables={signals.UPDATE_RATIO: {"0.weight": ratios}},
        facts=[model, loss],
    )
    assert len(outcome(LearningRateTooHigh(), run)) == found


@pytest.mark.parametrize(("ratio", "found"), [(0.06, 1), (0.03, 0)])
def test_first_steps_between_samples_move_weights_too(tmp_path: Path, ratio: float, found: int) -> None:
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    model = Model(type="Net", parameters=(Parameter(name="0.weight", shape=(64, 64), role="weight", fresh=False),))
    ratios = [ratio] * 7 + [math.nan] * 17 + [ratio] + [0.002] * 175
    run = record(
        tmp_path,
        series={signals.LOSS: list(2.2 + 0.4 * np.exp(-np.linspace(0, 40, 200)))},
        tables={signals.UPDATE_RATIO: {"0.weight": ratios}},
        facts=[model, loss],
    )
    assert len(outcome(LearningRateTooHigh(), run)) == found


@pytest.mark.parametrize(("cosine", "found"), [(-0.05, 0), (-0.6, 1)], ids=["decay", "gradient"])
def test_steps_that_are_large_because_weights_are_taken_to_zero(tmp_path: Path, cosine: float, found: int) -> None:
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    weights = 10.0 * 0.9 ** np.arange(60)
    run = record(
        tmp_path,
        series={signals.LOSS: [2.3] * 60},
        tables={
            signals.WEIGHT_NORM: {"0.weight": list(weights)},
            signals.UPDATE_NORM: {"0.weight": list(0.11 * weights)},
            signals.UPDATE_RATIO: {"0.weight": [0.11] * 60},
            signals.UPDATE_GRADIENT_COSINE: {"0.weight": [cosine] * 60},
        },
        facts=[loss],
    )
    assert len(outcome(LearningRateTooHigh(), run)) == found


@pytest.mark.parametrize(("fresh", "height", "found"), [(False, 20.0, 1), (True, 20.0, 0), (False, 1.0, 0)])
def test_a_loss_that_leaves_the_trained_level_and_is_learnt_anew(
    tmp_path: Path, fresh: bool, height: float, found: int
) -> None:
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    model = Model(type="Net", parameters=(Parameter(name="0.weight", shape=(64, 64), role="weight", fresh=fresh),))
    curve = [1.0, 1.0, height, height / 2, *(0.3 + height / 4 * np.exp(-np.linspace(0, 12, 196)))]
    run = record(
        tmp_path,
        series={signals.LOSS: curve},
        tables={signals.UPDATE_RATIO: {"0.weight": [0.3] * 10 + [0.002] * 190}},
        facts=[model, loss],
    )
    findings = outcome(LearningRateTooHigh(), run)
    assert [finding.severity for finding in findings] == ["warning"] * found


@pytest.mark.parametrize(("ratio", "end", "found"), [(0.7, 2.31, 1), (0.3, 2.31, 0), (0.7, 0.4, 0)])
def test_first_steps_that_undid_the_initialisation_are_why_nothing_is_learnt(
    tmp_path: Path, ratio: float, end: float, found: int
) -> None:
    """A schedule, and weights that have grown, make the last steps small; and the loss cannot rise above a bound."""
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    curve = end + (2.31 - end) * np.exp(-np.linspace(0, 40, 200)) + np.random.default_rng(0).normal(0, 0.02, 200)
    ratios = {signals.UPDATE_RATIO: {"0.weight": [ratio, ratio / 2, *np.geomspace(0.05, 1e-4, 198)]}}
    run = record(tmp_path, series={signals.LOSS: list(curve)}, tables=ratios, facts=[loss])
    assert len(outcome(LearningRateTooHigh(), run)) == found


@pytest.mark.parametrize(
    ("ratio", "height", "end", "found"),
    [(0.9, 18.0, 0.8, ["warning"]), (0.3, 18.0, 0.8, []), (0.9, 3.2, 0.8, []), (0.9, 18.0, 0.05, [])],
    ids=["thrown", "steps that weights bear", "no jump", "learnt well"],
)
def test_a_loss_that_is_thrown_far_at_once_and_learnt_in_part(
    tmp_path: Path, ratio: float, height: float, end: float, found: list[str]
) -> None:
    loss = Loss(function="cross_entropy", target=LossTarget(shape=(32,), type="class"), classes=TEN)
    curve = [2.9, *(end + (height - end) * np.exp(-np.linspace(0, 12, 199)))]
    ratios = {signals.UPDATE_RATIO: {"0.weight": [ratio, ratio / 2, *np.geomspace(0.02, 1e-4, 198)]}}
    run = record(tmp_path, series={signals.LOSS: curve}, tables=ratios, facts=[loss])
    assert [finding.severity for finding in outcome(LearningRateTooHigh(), run)] == found


@pytest.mark.parametrize(("early", "highest", "found"), [(0.9, 280.0, True), (0.02, 280.0, False), (0.9, 0.5, False)])
def test_of_targets_that_move_only_steps_that_throw_weights_and_loss_are_judged(
    tmp_path: Path, early: float, highest: float, found: bool
) -> None:
    loss = np.full(60, 0.3)
    loss[:6] = [0.25, highest, highest, highest / 2, highest / 4, 0.4]
    ratios = np.r_[np.full(10, early), np.full(50, 1e-3)]
    returns = {signals.TARGET_MEAN: np.linspace(10, 40, 60), signals.TARGET_STD: [6.0] * 60}
    parameters = (Parameter(name="0.weight", shape=(8, 8), role="weight"),)
    with record(
        tmp_path,
        series={signals.LOSS: loss, **returns},
        tables={signals.UPDATE_RATIO: {"0.weight": ratios}},
        facts=(Model(type="Net", parameters=parameters),),
    ) as run:
        findings = outcome(LearningRateTooHigh(), run)
    assert [finding.severity for finding in findings] == (["error"] if found else [])
