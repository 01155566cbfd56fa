from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Fact, Optimizer, UnoptimizedParameters
from unstuck.rules.mechanics.gradients_not_cleared import GradientsNotCleared
from unstuck.testing.rules import RuleContract, outcome, record


def run_with(
    folder: Path, carried: Sequence[float], cosine: float = 0.97, *more: Fact, end: float = 2.3, method: str = ""
) -> Run:
    count = len(carried)
    facts: list[Fact] = [Optimizer(type=method)] if method else []
    facts += more
    series = {
        signals.LOSS: list(np.linspace(2.3, end, count)),
        signals.GRADIENT_CARRIED: list(carried),
        signals.GRADIENT_COSINE: [cosine] * count,
    }
    return record(folder, series=series, facts=facts)


SUM = [0.0, *(1.0 - 1.0 / np.arange(2, 30))]


class TestGradientsNotCleared(RuleContract):
    rule = GradientsNotCleared()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", SUM)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", [0.0] * 30)


def test_clearing_once_an_epoch_is_found_too(tmp_path: Path) -> None:
    carried = [0.0 if step % 5 == 0 else 0.8 for step in range(30)]
    assert len(outcome(GradientsNotCleared(), run_with(tmp_path, carried))) == 1


def test_one_odd_step_is_passed_over(tmp_path: Path) -> None:
    assert outcome(GradientsNotCleared(), run_with(tmp_path, [0.0] * 20 + [0.7] + [0.0] * 9)) == []


def test_gradients_that_are_overwritten_are_passed_over(tmp_path: Path) -> None:
    assert outcome(GradientsNotCleared(), run_with(tmp_path, SUM, cosine=0.02)) == []


def test_where_something_is_learnt_it_is_a_warning(tmp_path: Path) -> None:
    (finding,) = outcome(GradientsNotCleared(), run_with(tmp_path, SUM, end=0.2))
    assert finding.severity == "warning"


def test_a_closure_that_clears_nothing_is_found_after_three_steps(tmp_path: Path) -> None:
    (finding,) = outcome(GradientsNotCleared(), run_with(tmp_path, [0.0, 3e-5, 1e-4, 4e-5], -0.3, method="LBFGS"))
    assert "closure" in finding.advice
    assert "closure" in finding.summary


def test_a_closure_that_clears_is_passed_over(tmp_path: Path) -> None:
    assert outcome(GradientsNotCleared(), run_with(tmp_path, [0.0] * 4, -0.3, method="LBFGS")) == []


@pytest.mark.parametrize(("held", "found"), [(0, 0), (4, 1)])
def test_copies_of_weights_that_are_given_their_gradients(tmp_path: Path, held: int, found: int) -> None:
    walk = UnoptimizedParameters(step=0, since=0, reached=4, held=held)
    assert len(outcome(GradientsNotCleared(), run_with(tmp_path, [1.0] * 30, 0.97, walk))) == found
