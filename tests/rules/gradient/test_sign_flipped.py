from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Fact, Loss, LossClasses, LossTarget, PolicyTerm, Span
from unstuck.rules.gradient.sign_flipped import SignFlipped
from unstuck.testing.rules import RuleContract, outcome

CROSS_ENTROPY = Loss(
    function="cross_entropy", target=LossTarget(type="class"), classes=LossClasses(number=3, counts=(40, 40, 40))
)
UP = np.linspace(0, 5, 40)


def run_with(
    folder: Path, losses: Sequence[float], cosines: Sequence[float], *, known: bool = True, calls: bool = False
) -> Run:
    with RunWriter(folder) as writer:
        writer.name(signals.UPDATE_GRADIENT_COSINE.index, ["0.weight", "0.bias"])
        if known:
            writer.state(CROSS_ENTROPY)
        for step, (loss, cosine) in enumerate(zip(losses, cosines, strict=True)):
            writer.add(signals.LOSS, step, loss)
            writer.add(signals.UPDATE_GRADIENT_COSINE, step, [cosine, 0.5 * cosine])
            if calls:
                writer.add(signals.LOSS_CALL, step, -loss)
    return Run.open(folder)


class TestSignFlipped(RuleContract):
    rule = SignFlipped()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", 1.1 * np.exp(UP), np.full(40, 0.9))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", 1.1 * np.exp(-UP), np.full(40, -0.9))


def test_a_likelihood_may_be_maximised(tmp_path: Path) -> None:
    assert outcome(SignFlipped(), run_with(tmp_path, -1.1 * np.exp(-UP), np.full(40, 0.9), known=False)) == []


def test_a_reward_that_saturates_may_be_maximised(tmp_path: Path) -> None:
    assert outcome(SignFlipped(), run_with(tmp_path, 1.05 - np.exp(-UP), np.full(40, 0.9), known=False)) == []


def test_an_unnamed_loss_that_grows_without_end(tmp_path: Path) -> None:
    (finding,) = outcome(SignFlipped(), run_with(tmp_path, np.exp(UP), np.full(40, 0.9), known=False))
    assert finding.severity == "error"


def test_an_unnamed_loss_that_grew_a_thousandfold_at_once(tmp_path: Path) -> None:
    values = np.minimum(np.exp(5 * UP), 1e6)
    (finding,) = outcome(SignFlipped(), run_with(tmp_path / "a", values, np.full(40, 0.9), known=False))
    assert finding.cause == "gradient-sign-flipped"
    assert outcome(SignFlipped(), run_with(tmp_path / "b", values, np.full(40, -0.9), known=False)) == []


def test_an_objective_below_zero_that_falls_faster_and_faster(tmp_path: Path) -> None:
    (finding,) = outcome(SignFlipped(), run_with(tmp_path / "a", -np.exp(UP), np.full(40, -0.9), known=False))
    assert (finding.severity, finding.evidence[0].signal) == ("error", "loss")
    for number, values in enumerate((-1 - UP, -1 - 100 * (1 - np.exp(-UP)), 2 - np.exp(UP))):
        assert outcome(SignFlipped(), run_with(tmp_path / f"{number}", values, np.full(40, -0.9), known=False)) == []


def test_an_objective_that_runs_away_from_below_zero_at_once(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.4, 400)
    values = (-1.0 + noise) * np.exp(np.linspace(0, 20, 400))
    (finding,) = outcome(SignFlipped(), run_with(tmp_path, values, np.full(400, -0.9), known=False))
    assert "no floor" in finding.summary


def test_a_diverging_descent_is_another_fault(tmp_path: Path) -> None:
    assert outcome(SignFlipped(), run_with(tmp_path, np.exp(UP), np.full(40, -0.9))) == []


def test_swings_of_momentum_do_not_count(tmp_path: Path) -> None:
    assert outcome(SignFlipped(), run_with(tmp_path, np.exp(UP), 0.9 * np.cos(np.arange(40)))) == []


def test_the_negative_of_a_loss(tmp_path: Path) -> None:
    (finding,) = outcome(SignFlipped(), run_with(tmp_path, -1.1 * np.exp(UP), np.full(40, -0.9), calls=True))
    assert "negative of cross_entropy" in finding.summary


FALLING = [
    (PolicyTerm(step=0, raised=True, lowest=-1.0, highest=1.0), None),
    (Span(began=0.0, ended=5.0, thread=1), Span(began=0.1, ended=4.0, thread=1)),
]


@pytest.mark.parametrize(("own", "other"), FALLING)
def test_what_a_policy_gains_or_another_training_learns_to_give_has_no_floor(
    tmp_path: Path, own: Fact, other: Span | None
) -> None:
    with RunWriter(tmp_path) as writer:
        for step, value in enumerate(np.exp(UP)):
            writer.add(signals.LOSS, step, -value)
            if other is not None:
                writer.add(signals.LOSS, step, value, stream=1)
        writer.state(own)
        if other is not None:
            writer.state(other, stream=1)
    with Run.open(tmp_path) as run:
        assert outcome(SignFlipped(), run.snapshot().streams()[0]) == []
