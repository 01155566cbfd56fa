from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossTarget, NonFinite
from unstuck.rules.data.values_not_finite import ValuesNotFinite
from unstuck.testing.rules import RuleContract, outcome, record

LOST = [1.0] * 10 + [nan] * 40


def run_of(folder: Path, *facts: Any, losses: list[float] = LOST, dirty: list[float] | None = None, **more: Any) -> Run:
    series: dict[Any, list[float]] = {signals.LOSS: losses}
    if dirty is not None:
        series[signals.INPUT_NONFINITE] = dirty
    return record(folder, series=series | more.get("series", {}), facts=facts)


class TestContract(RuleContract):
    rule = ValuesNotFinite()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", dirty=[0.0, 3.0, 3.0])

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", losses=[1.0] * 50, dirty=[0.0] * 3)


def test_inputs_with_nan_are_named(tmp_path: Path) -> None:
    (finding,) = outcome(ValuesNotFinite(), run_of(tmp_path, dirty=[0.0, 3.0, 3.0]))
    assert (finding.cause, finding.severity) == ("data-non-finite", "error")
    assert "inputs" in finding.summary
    assert "step 10" in finding.summary


def test_the_rows_are_named_where_the_graph_was_followed(tmp_path: Path) -> None:
    traced = NonFinite(step=10, what="input", count=1, examples=(2, 5))
    (finding,) = outcome(ValuesNotFinite(), run_of(tmp_path, traced))
    assert "rows 2, 5 of the batch of step 10" in finding.summary


def test_targets_are_told_from_inputs_and_placed(tmp_path: Path) -> None:
    call = Loss(
        function="mse_loss",
        target=LossTarget(type="real", mean=nan, variance=nan, minimum=0.0, maximum=inf),
        file="train.py",
        line=4,
    )
    (finding,) = outcome(ValuesNotFinite(), run_of(tmp_path, call))
    assert "targets" in finding.summary
    assert (finding.where.file, finding.where.line) == ("train.py", 4)


def test_a_loss_that_recovers_is_a_warning(tmp_path: Path) -> None:
    once = [1.0] * 10 + [nan] + [1.0] * 40
    (finding,) = outcome(ValuesNotFinite(), run_of(tmp_path, dirty=[0.0, 1.0, 0.0], losses=once))
    assert finding.severity == "warning"


def test_a_nan_that_the_network_made_itself_is_another_s(tmp_path: Path) -> None:
    made = NonFinite(step=10, what="activation", where="net.2", count=7)
    assert outcome(ValuesNotFinite(), run_of(tmp_path, made, dirty=[0.0, 0.0, 0.0])) == []


def test_missing_values_that_a_model_masks_are_left_alone(tmp_path: Path) -> None:
    assert outcome(ValuesNotFinite(), run_of(tmp_path, losses=[1.0] * 50, dirty=[4.0] * 3)) == []
