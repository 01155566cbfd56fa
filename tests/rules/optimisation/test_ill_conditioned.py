from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Inputs, Loss, LossOutput, LossTarget, Optimizer, ParameterGroup
from unstuck.rules.optimisation.ill_conditioned import IllConditioned
from unstuck.testing.rules import RuleContract, outcome, record

CALL = Loss(
    function="mse_loss", output=LossOutput(shape=(64, 1)), target=LossTarget(type="real", mean=0.0, variance=1.0)
)


def run_of(
    folder: Path,
    *,
    cosine: float = -0.9,
    late: float = 0.5,
    end: float = 0.6,
    momentum: float = 0.0,
    samples: int = 15,
    correlated: float = 2.0,
) -> Run:
    group = ParameterGroup(parameters=2, learning_rate=0.01, momentum=momentum)
    return record(
        folder,
        series={signals.LOSS: np.linspace(1.0, end, 100).tolist(), signals.GRADIENT_COSINE: [cosine] * samples},
        tables={signals.GRADIENT_NORM: {"weight": np.geomspace(1.0, late, 20).tolist()}},
        facts=[
            CALL,
            Optimizer(type="SGD", groups=(group,), file="train.py", line=3),
            Inputs(shape=(64, 8), kind_of="table", examples=640, minimum=-2.0, maximum=2.0, correlated=correlated),
        ],
    )


class TestContract(RuleContract):
    rule = IllConditioned()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", cosine=0.1)


def test_a_valley_is_found_where_the_optimizer_is_made(tmp_path: Path) -> None:
    (finding,) = outcome(IllConditioned(), run_of(tmp_path))
    assert (finding.cause, finding.severity, finding.where.line) == ("ill-conditioned", "warning", 3)


@pytest.mark.parametrize("changed", [{"late": 0.001}, {"end": 0.05}, {"momentum": 0.9}])
def test_no_valley_where_it_calms_down_learns_or_has_momentum(tmp_path: Path, changed: dict[str, float]) -> None:
    assert outcome(IllConditioned(), run_of(tmp_path, **changed)) == []  # type: ignore[arg-type]


def test_correlated_inputs_are_worth_a_note_where_the_loss_still_falls(tmp_path: Path) -> None:
    (finding,) = outcome(IllConditioned(), run_of(tmp_path / "a", cosine=0.9, correlated=2000.0))
    assert (finding.severity, finding.evidence[0].value) == ("note", 2000.0)
    (finding,) = outcome(IllConditioned(), run_of(tmp_path / "b", cosine=0.9, correlated=2000.0, end=0.02))
    assert finding.severity == "note"
    assert outcome(IllConditioned(), run_of(tmp_path / "c", cosine=0.9, correlated=50.0)) == []
    assert outcome(IllConditioned(), run_of(tmp_path / "d", cosine=0.9, correlated=2000.0, momentum=0.9)) == []


def test_few_pairs_are_not_evaluated(tmp_path: Path) -> None:
    (entry,) = IllConditioned().apply(run_of(tmp_path, samples=3))
    assert isinstance(entry, NotEvaluated)
