from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, facts, signals
from unstuck.record.facts import Graph, Model, Parameter
from unstuck.rules import judge
from unstuck.rules.gradient.critical_point import CriticalPoint
from unstuck.testing.rules import RuleContract, outcome, record

FLAT, LEARNT = np.full(50, 1.25), np.geomspace(2.3, 0.02, 50)


def point(*, gradient: float = 0.0, least: float = -1.0, greatest: float = 2.0) -> facts.CriticalPoint:
    return facts.CriticalPoint(step=1, loss=1.25, gradient=gradient, least=least, greatest=greatest, dimensions=24)


def trained(
    folder: Path,
    gradients: dict[str, Sequence[float]],
    *found: facts.Fact,
    loss: Sequence[float] | np.ndarray = FLAT,
    updates: float = 0.0,
) -> Run:
    model = Model(type="Net", parameters=tuple(Parameter(name=n, shape=(3, 4), role="weight") for n in gradients))
    tables = {
        signals.GRADIENT_NORM: gradients,
        signals.UPDATE_NORM: {name: [updates] * len(values) for name, values in gradients.items()},
    }
    stated = (model, Graph(step=0, reached=tuple(gradients)), *found)
    return record(folder, series={signals.LOSS: loss}, tables=tables, facts=stated)


ZERO = {"a": [0.0] * 50, "b": [0.0] * 50}


class TestContract(RuleContract):
    rule = CriticalPoint()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return trained(tmp_path / "sick", ZERO, point())

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return trained(tmp_path / "healthy", {"a": [0.1] * 50, "b": [0.2] * 50}, updates=0.1)


@pytest.mark.parametrize(
    ("least", "greatest", "words"),
    [(-1.0, 2.0, "a saddle"), (0.0, 0.0, "a plateau"), (-2.0, -1.0, "a maximum"), (0.0, 1.0, "a critical point")],
)
def test_the_kind_of_point_is_that_of_its_curvature(tmp_path: Path, least: float, greatest: float, words: str) -> None:
    with trained(tmp_path / "a", ZERO, point(least=least, greatest=greatest)) as run:
        (finding,) = outcome(CriticalPoint(), run)
        assert f"stands on {words}" in finding.summary
        assert [found.code for found in judge(run).findings] == ["G301"]


def test_gradients_that_are_set_to_zero_before_the_step_are_no_critical_point(tmp_path: Path) -> None:
    with trained(tmp_path / "a", ZERO, point(gradient=0.3)) as run:
        assert outcome(CriticalPoint(), run) == []
        assert [found.code for found in judge(run).findings] == ["T202"]


def test_a_training_that_has_learnt_may_end_without_a_gradient(tmp_path: Path) -> None:
    columns = {"a": [0.1] * 30 + [0.0] * 20}
    with trained(tmp_path / "a", columns, point(), loss=LEARNT, updates=0.1) as run:
        assert outcome(CriticalPoint(), run) == []


@pytest.mark.parametrize(("zeros", "caught"), [(4, False), (5, True)])
def test_caught_on_the_way(tmp_path: Path, zeros: int, caught: bool) -> None:
    with trained(tmp_path / "a", {"a": [0.1] * (50 - zeros) + [0.0] * zeros}) as run:
        findings = outcome(CriticalPoint(), run)
    assert bool(findings) == caught
    assert all(f"from step {50 - zeros}" in finding.summary for finding in findings)


@pytest.mark.parametrize(("least", "fires"), [(-0.021, True), (-0.019, False), (0.0, False)])
def test_next_to_a_saddle_and_not_at_the_foot_of_a_valley(tmp_path: Path, least: float, fires: bool) -> None:
    near = {"a": [1e-9] * 50, "b": [0.0] * 50}
    with trained(tmp_path / "a", near, point(gradient=1e-9, least=least)) as run:
        findings = [f for f in outcome(CriticalPoint(), run) if "starts next to a saddle" in f.summary]
    assert bool(findings) == fires


@pytest.mark.parametrize(("end", "fires"), [(9e-9, True), (2e-8, False)])
def test_what_has_left_the_saddle_is_not_caught(tmp_path: Path, end: float, fires: bool) -> None:
    with trained(tmp_path / "a", {"a": [*np.geomspace(1e-9, end, 50)]}, point(gradient=1e-9)) as run:
        assert bool(outcome(CriticalPoint(), run)) == fires


@pytest.mark.parametrize(("others", "fires"), [(1, True), (2, False)])
def test_most_weights_behind_a_product_with_zero(tmp_path: Path, others: int, fires: bool) -> None:
    moving = {f"m{i}": [0.1] * 50 for i in range(others)}
    with trained(tmp_path / "a", {"a": [0.0] * 50, **moving}, updates=0.1) as run:
        assert bool(outcome(CriticalPoint(), run)) == fires


def test_few_samples_say_nothing(tmp_path: Path) -> None:
    with trained(tmp_path / "a", {"a": [0.0] * 4}) as run:
        (said,) = CriticalPoint().apply(run)
    assert isinstance(said, NotEvaluated)
