from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Fact,
    LossScaling,
    Model,
    NarrowConstant,
    NonFinite,
    Optimizer,
    Parameter,
    ParameterGroup,
    RoundedAverage,
)
from unstuck.rules.numerics.precision_unsuited import PrecisionUnsuited
from unstuck.testing.rules import RuleContract, outcome, record


def run_with(
    folder: Path,
    *more: Fact,
    weights: str = "float16",
    epsilon: float = 1e-8,
    broken: bool = False,
    lost: float | list[float] | None = None,
    end: float = 2.3,
    losses: list[float] | None = None,
) -> Run:
    curve = list(end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))) if losses is None else losses
    facts = [
        Model(type="Net", parameters=(Parameter(name="0.weight", shape=(9, 9), role="weight", type=weights),)),
        Optimizer(type="Adam", groups=(ParameterGroup(parameters=1, epsilon=epsilon),), file="train.py", line=12),
        *more,
    ]
    lost = [lost] * 9 if isinstance(lost, float) else lost
    series = {signals.LOSS: curve} | ({signals.UPDATE_LOST: lost} if lost is not None else {})
    tables = {signals.WEIGHT_NONFINITE: {"0.weight": [81.0 if broken else 0.0] * 9}}
    if lost is not None:
        tables[signals.UPDATE_LOST_OF] = {"0.weight": lost}
    return record(folder, series=series, tables=tables, facts=facts)


class TestPrecisionUnsuited(RuleContract):
    rule = PrecisionUnsuited()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", broken=True)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", weights="float32", broken=True)


@pytest.mark.parametrize(
    ("weights", "epsilon", "broken", "found"),
    [
        ("float16", 1e-8, True, 1),
        ("float16", 1e-8, False, 0),
        ("float16", 1e-4, True, 0),
        ("bfloat16", 1e-8, True, 0),
    ],
)
def test_an_epsilon_is_blamed_where_it_is_zero_and_weights_broke(
    tmp_path: Path, weights: str, epsilon: float, broken: bool, found: int
) -> None:
    run = run_with(tmp_path, weights=weights, epsilon=epsilon, broken=broken)
    assert len(outcome(PrecisionUnsuited(), run)) == found


@pytest.mark.parametrize(
    ("lost", "end", "weights", "found"),
    [(0.9, 2.3, "bfloat16", 1), (0.3, 2.3, "bfloat16", 0), (0.9, 0.1, "bfloat16", 1), (0.9, 2.3, "float32", 0)],
)
def test_updates_that_are_rounded_away(tmp_path: Path, lost: float, end: float, weights: str, found: int) -> None:
    run = run_with(tmp_path, lost=lost, end=end, weights=weights)
    assert len(outcome(PrecisionUnsuited(), run)) == found


@pytest.mark.parametrize(("first", "severities"), [(0.2, []), (0.9, ["note"])])
def test_updates_that_are_small_at_the_end_alone_are_those_of_a_schedule(
    tmp_path: Path, first: float, severities: list[str]
) -> None:
    run = run_with(tmp_path, lost=[first] * 5 + [0.9] * 4, end=0.1, weights="bfloat16")
    assert [finding.severity for finding in outcome(PrecisionUnsuited(), run)] == severities


def test_the_weights_that_lose_most_are_named(tmp_path: Path) -> None:
    (finding,) = outcome(PrecisionUnsuited(), run_with(tmp_path, lost=0.9, end=2.3, weights="bfloat16"))
    assert finding.summary.endswith("; most in 0.weight 90%")
    assert finding.where.parameter == "0.weight"


def overflow(**changed: object) -> NonFinite:
    known = {"step": 2, "what": "activation", "where": "Addmm", "count": 7, "type": "float16", **changed}
    return NonFinite(**known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "before", "found"),
    [
        (overflow(), [2.3, 2.3], 1),
        (overflow(type="float32"), [2.3, 2.3], 0),
        (overflow(where="Log"), [2.3, 2.3], 0),
        (overflow(what="weight"), [2.3, 2.3], 0),
        (overflow(), [2.3, 4e4], 0),
    ],
)
def test_values_beyond_the_largest_of_float16(tmp_path: Path, fact: NonFinite, before: list[float], found: int) -> None:
    run = run_with(tmp_path, fact, weights="float32", losses=[*before, *[float("nan")] * 9])
    assert len(outcome(PrecisionUnsuited(), run)) == found


def test_an_overflow_that_the_training_got_over(tmp_path: Path) -> None:
    run = run_with(tmp_path, overflow(), weights="float32", losses=[2.3, 2.2, float("nan"), *[2.0] * 9])
    assert outcome(PrecisionUnsuited(), run) == []


@pytest.mark.parametrize(
    ("skipped", "settled", "end", "found"),
    [(140, 0, 2.3, 1), (90, 80, 2.3, 1), (90, 80, 0.1, 0), (15, 0, 2.3, 0)],
)
def test_updates_that_the_scaler_skips(tmp_path: Path, skipped: int, settled: int, end: float, found: int) -> None:
    scaling = LossScaling(
        step=9, scale=0.5, asked=140, skipped=skipped, settled=settled, layer="0", file="t.py", line=3
    )
    findings = outcome(PrecisionUnsuited(), run_with(tmp_path, scaling, weights="float32", end=end))
    assert [(one.where.module, one.where.line) for one in findings] == [("0", 3)] * found


EPSILON = NarrowConstant(value=1e-8, becomes="zero", type="float16", function="add", file="t.py", line=24)


@pytest.mark.parametrize(("last", "found"), [(float("nan"), 1), (2.0, 0)])
def test_an_epsilon_that_is_zero_where_it_is_added(tmp_path: Path, last: float, found: int) -> None:
    run = run_with(tmp_path, EPSILON, losses=[2.3, 2.2, last])
    findings = outcome(PrecisionUnsuited(), run)
    assert [(one.where.file, one.where.line) for one in findings] == [("t.py", 24)] * found


@pytest.mark.parametrize(("share", "told"), [(0.9, True), (0.3, False)])
def test_an_average_that_does_not_move_is_told_though_the_training_learns(
    tmp_path: Path, share: float, told: bool
) -> None:
    fact = RoundedAverage(step=9, share=share, type="bfloat16", file="train.py", line=7)
    found = outcome(PrecisionUnsuited(), run_with(tmp_path, fact, weights="float32", end=0.01))
    assert [finding.where.line for finding in found] == ([7] if told else [])
