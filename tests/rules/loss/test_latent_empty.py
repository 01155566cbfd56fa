from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Latent, VisibleTarget
from unstuck.rules.loss.latent_empty import LatentEmpty
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, looks: int = 6, whole: bool = True, loss: float = 1.0, **known: Any) -> Run:
    usual: dict[str, Any] = {"size": 4, "examples": 64, "active": 0, "nats": 0.01, "deviation": 1.0, "line": 7}
    seen = [Latent(step=2**look, **{**usual, "file": "train.py", **known}) for look in range(looks)]
    target = VisibleTarget(looked=8, equal=8, how="whole" if whole else "last", wide=False, noisy=True)
    return record(folder, series={signals.LOSS: [2.0] * 30 + [loss] * 20}, facts=[target, *seen])


class TestContract(RuleContract):
    rule = LatentEmpty()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", active=3, nats=5.0)


def test_an_empty_code_is_one_of_unbalanced_terms(tmp_path: Path) -> None:
    (finding,) = outcome(LatentEmpty(), run_of(tmp_path))
    assert (finding.cause, finding.where.line) == ("loss-terms-unbalanced", 7)


def test_codes_that_run_away_below_zero_have_the_wrong_sign(tmp_path: Path) -> None:
    (finding,) = outcome(LatentEmpty(), run_of(tmp_path, active=4, nats=1e6, loss=-1e5))
    assert finding.cause == "gradient-sign-flipped"


@pytest.mark.parametrize(
    "known",
    [
        {"active": 1},
        {"nats": 0.2},
        {"looks": 3},
        {"whole": False},
        {"active": 4, "nats": 1e6},
        {"nats": 80.0, "loss": -1.0},
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(LatentEmpty(), run_of(tmp_path, **known))
