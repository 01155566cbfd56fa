from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Loader, Loss, LossClasses, LossOutput, LossTarget, PolicyTerm
from unstuck.rules.data.not_shuffled import NotShuffled
from unstuck.testing.rules import RuleContract, outcome, record

CLASSES = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10)),
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
    file="train.py",
    line=5,
)
VALUES = Loss(
    function="mse_loss",
    output=LossOutput(shape=(32, 1)),
    target=LossTarget(shape=(32, 1), type="real", mean=0.0, variance=1.0),
    file="train.py",
    line=5,
)
rng = np.random.default_rng(0)
RANDOM_TOP = (rng.multinomial(32, [0.1] * 10, 40).max(axis=1) / 32).tolist()
FORGETFUL = np.linspace(2.3, 0.2, 200).tolist()


def run_of(
    folder: Path, call: Loss = CLASSES, *facts: Any, losses: list[float] = FORGETFUL, **series: list[float]
) -> Run:
    given = {getattr(signals, name.upper()): values for name, values in series.items()}
    evaluated = {signals.VALIDATION_LOSS, signals.VALIDATION_ACCURACY} & given.keys()
    steps = {
        signal: np.linspace(len(losses) // 2, len(losses), len(given[signal]), dtype=int).tolist()
        for signal in evaluated
    }
    given |= {signals.LOSS: losses, signals.BATCH_SIZE: [32.0] * 40}
    return record(folder, series=given, facts=[call, *facts], steps=steps)


def sorted_values(*, inner: float, near: float) -> dict[str, list[float]]:
    """Targets whose variance within a batch is ``inner`` of all, with neighbours that correlate by ``near``."""
    means = rng.normal(scale=(1 - inner) ** 0.5, size=40)
    return {
        "target_mean": means.tolist(),
        "target_std": [inner**0.5] * 40,
        "target_autocorrelation": [near] * 40,
    }


class TestContract(RuleContract):
    rule = NotShuffled()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", target_top=[0.97] * 40, accuracy=[0.9] * 40, validation_accuracy=[0.2] * 5)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", target_top=RANDOM_TOP, accuracy=[0.9] * 40, validation_accuracy=[0.9] * 5)


def test_batches_of_one_class_whose_learning_does_not_hold_are_an_error(tmp_path: Path) -> None:
    loader = Loader(number=0, begun=5, updates=200, batches=40, order="sequential")
    run = run_of(tmp_path, CLASSES, loader, target_top=[0.97] * 40, accuracy=[0.9] * 40, validation_accuracy=[0.2] * 5)
    (finding,) = outcome(NotShuffled(), run)
    assert (finding.cause, finding.severity, finding.confidence) == ("data-not-shuffled", "error", 0.93)
    assert (finding.where.file, finding.where.line) == ("train.py", 5)
    assert "loader" in {evidence.signal for evidence in finding.evidence}


def test_an_order_that_does_no_harm_is_a_note(tmp_path: Path) -> None:
    """Samplers that pick a few classes a batch, as metric learning has them."""
    run = run_of(tmp_path, target_top=[0.97] * 40, accuracy=[0.9] * 40, validation_accuracy=[0.88] * 5)
    assert [finding.severity for finding in outcome(NotShuffled(), run)] == ["note"]


def test_sorted_values_are_told_by_their_variance_within_batches(tmp_path: Path) -> None:
    run = run_of(tmp_path, VALUES, validation_loss=[5.0] * 5, **sorted_values(inner=0.05, near=0.9))
    (finding,) = outcome(NotShuffled(), run)
    assert finding.severity == "error"
    assert "within them" in finding.summary


@pytest.mark.parametrize(("inner", "near"), [(0.94, 0.0), (0.05, 0.1), (0.7, 0.9)])
def test_values_in_random_order_are_left_alone(tmp_path: Path, inner: float, near: float) -> None:
    run = run_of(tmp_path, VALUES, validation_loss=[5.0] * 5, **sorted_values(inner=inner, near=near))
    assert outcome(NotShuffled(), run) == []


def test_one_common_class_fills_batches_by_itself(tmp_path: Path) -> None:
    rare = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 2)),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=2, counts=(970, 30)),
    )
    assert outcome(NotShuffled(), run_of(tmp_path, rare, target_top=[0.97] * 40)) == []


def test_batches_of_two_examples_tell_nothing(tmp_path: Path) -> None:
    small = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(2, 10)),
        target=LossTarget(shape=(2,), type="class"),
        classes=LossClasses(number=10, counts=(100,) * 10),
    )
    run = record(tmp_path, series={signals.LOSS: FORGETFUL, signals.BATCH_SIZE: [2.0] * 40}, facts=[small])
    (answer,) = NotShuffled().apply(run)
    assert isinstance(answer, NotEvaluated)


def test_a_scan_is_told_by_spreads_that_come_and_go(tmp_path: Path) -> None:
    swell = (1.2 + np.sin(np.linspace(0, 12, 40))).tolist()
    scan = {"target_mean": [0.0] * 40, "target_std": swell, "target_autocorrelation": [0.95] * 40}
    (finding,) = outcome(NotShuffled(), run_of(tmp_path / "scan", VALUES, validation_loss=[5.0] * 5, **scan))
    assert finding.severity == "error"
    shuffled = {**scan, "target_autocorrelation": [0.02] * 40}
    assert outcome(NotShuffled(), run_of(tmp_path / "shuffled", VALUES, validation_loss=[5.0] * 5, **shuffled)) == []
    tails = {**scan, "target_std": np.random.default_rng(0).permutation(swell).tolist()}
    assert outcome(NotShuffled(), run_of(tmp_path / "tails", VALUES, validation_loss=[5.0] * 5, **tails)) == []


@pytest.mark.parametrize(("lowest", "judged"), [(-1.0, False), (0.0, True)])
def test_states_of_one_episode_come_in_order(tmp_path: Path, lowest: float, judged: bool) -> None:
    swell = (1.2 + np.sin(np.linspace(0, 12, 40))).tolist()
    series = {"target_mean": [0.0] * 40, "target_std": swell, "target_autocorrelation": [0.95] * 40}
    term = PolicyTerm(step=0, raised=True, lowest=lowest, highest=1.0)
    (answer,) = NotShuffled().apply(run_of(tmp_path, VALUES, term, **series))
    assert isinstance(answer, NotEvaluated) is not judged
