from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Modes, Predictions, StaleCopy
from unstuck.rules.generalisation.mode_wrong import ModeWrong
from unstuck.testing.rules import RuleContract, outcome, record

TRAINING = {"norms_training": 2, "dropouts_training": 1}
EVALUATING = {"norms_evaluating": 2, "dropouts_evaluating": 1}


def training(step: int, *, mode: bool, **more: int) -> Modes:
    counts = (
        {"norms_training": 2, "dropouts_training": 1} if mode else {"norms_evaluating": 2, "dropouts_evaluating": 1}
    )
    return Modes(step=step, phase="training", model_training=mode, **{**counts, **more})


def evaluation(step: int, *, mode: bool, **more: int) -> Modes:
    counts = (
        {"norms_training": 2, "dropouts_training": 1} if mode else {"norms_evaluating": 2, "dropouts_evaluating": 1}
    )
    return Modes(step=step, phase="evaluation", model_training=mode, **{**counts, **more})


def run_with(folder: Path, *modes: Modes, end: float = 1.5) -> Run:
    losses = end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))
    series = {signals.LOSS: list(losses), signals.VALIDATION_LOSS: [2.3, 2.0]}
    return record(folder, series=series, facts=modes, steps={signals.VALIDATION_LOSS: [20, 40]})


class TestModeWrong(RuleContract):
    rule = ModeWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        modes = training(0, mode=True), evaluation(10, mode=False), training(11, mode=False)
        return run_with(tmp_path / "sick", *modes)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", training(0, mode=True), evaluation(10, mode=False))


def test_evaluations_in_training_mode(tmp_path: Path) -> None:
    (finding,) = outcome(ModeWrong(), run_with(tmp_path, training(0, mode=True), evaluation(10, mode=True)))
    assert "evaluations" in finding.summary


def test_some_evaluations_in_training_mode_are_on_purpose(tmp_path: Path) -> None:
    modes = training(0, mode=True), evaluation(10, mode=True), evaluation(10, mode=False)
    assert outcome(ModeWrong(), run_with(tmp_path, *modes)) == []


def test_statistics_that_never_moved(tmp_path: Path) -> None:
    modes = training(0, mode=True), evaluation(20, mode=False, unmoved_norms=2)
    (finding,) = outcome(ModeWrong(), run_with(tmp_path, *modes))
    assert (finding.severity, finding.confidence) == ("error", 0.95)


@pytest.mark.parametrize("as_made", [True, False])
def test_a_copy_whose_statistics_were_left_behind(tmp_path: Path, as_made: bool) -> None:
    stale = StaleCopy(step=20, as_made=as_made, norms=3, file="train.py", line=5)
    modes = training(0, mode=True), evaluation(20, mode=False)
    (finding,) = outcome(ModeWrong(), run_with(tmp_path, *modes, stale))
    assert (finding.severity, finding.where.line) == ("error", 5)
    assert ("variance 1" in finding.summary) == as_made


def test_an_untrained_model_may_be_evaluated(tmp_path: Path) -> None:
    modes = evaluation(0, mode=False, unmoved_norms=2), training(0, mode=True), evaluation(20, mode=False)
    assert outcome(ModeWrong(), run_with(tmp_path, *modes)) == []


def test_a_frozen_backbone_is_passed_over(tmp_path: Path) -> None:
    frozen = Modes(step=0, phase="training", norms_evaluating=2, frozen_norms=2, model_training=False)
    assert outcome(ModeWrong(), run_with(tmp_path, frozen)) == []


@pytest.mark.parametrize(("end", "severity"), [(0.01, "note"), (1.5, "warning"), (2.3, "error")])
def test_a_backbone_without_its_running_statistics(tmp_path: Path, end: float, severity: str) -> None:
    half = Modes(step=0, phase="training", norms_evaluating=2, frozen_norms=2, unmoved_norms=2, half_loaded_norms=2)
    (finding,) = outcome(ModeWrong(), run_with(tmp_path, half, end=end))
    assert finding.severity == severity
    assert "buffers" in finding.advice


def test_layers_that_evaluate_in_a_model_that_trains_are_passed_over(tmp_path: Path) -> None:
    part = Modes(step=0, phase="training", norms_evaluating=2, model_training=True)
    assert outcome(ModeWrong(), run_with(tmp_path, part)) == []


def test_a_last_phase_without_dropout_is_passed_over(tmp_path: Path) -> None:
    modes = training(0, mode=True), evaluation(40, mode=False), training(45, mode=False)
    assert outcome(ModeWrong(), run_with(tmp_path, *modes)) == []


def test_fine_tuning_in_evaluation_mode_is_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(ModeWrong(), run_with(tmp_path, training(0, mode=False), end=0.1))
    assert finding.severity == "note"


def test_evaluations_that_nothing_is_seen_to_be_measured_by_are_not_judged(tmp_path: Path) -> None:
    modes = training(0, mode=True), evaluation(10, mode=True)
    series = {signals.LOSS: [1.0] * 60, signals.EVALUATED: [300.0]}
    with record(tmp_path, series=series, facts=modes) as run:
        (entry,) = ModeWrong().apply(run)
    assert entry == NotEvaluated(reason="evaluations were seen, but neither their loss nor their accuracy")


ONE_BY_ONE = Predictions(step=60, examples=450, distinct=450, trained=0, predicted=450)


def predicted(folder: Path, predictions: Predictions, *, mode: bool = True) -> Run:
    modes = training(0, mode=True), evaluation(predictions.step, mode=mode)
    series = {signals.LOSS: [1.0] * 60, signals.EVALUATED: [float(predictions.examples)]}
    return record(folder, series=series, facts=(*modes, predictions), steps={signals.EVALUATED: [predictions.step]})


def test_classes_of_fresh_examples_are_predicted_in_training_mode(tmp_path: Path) -> None:
    (finding,) = outcome(ModeWrong(), predicted(tmp_path, ONE_BY_ONE))
    assert (finding.severity, "evaluations are made in training mode" in finding.summary) == ("warning", True)


@pytest.mark.parametrize(
    "predictions",
    [
        Predictions(step=60, examples=450, distinct=45, trained=0, predicted=450),
        Predictions(step=60, examples=450, distinct=450, trained=400, predicted=450),
        Predictions(step=60, examples=450, distinct=450, trained=0, predicted=0),
        Predictions(step=30, examples=450, distinct=450, trained=0, predicted=450),
        Predictions(step=60, examples=4, distinct=4, trained=0, predicted=4),
    ],
    ids=["Monte Carlo dropout", "examples of the training", "statistics", "actions of an agent", "a look"],
)
def test_passes_without_gradients_that_serve_another_purpose(tmp_path: Path, predictions: Predictions) -> None:
    with predicted(tmp_path, predictions) as run:
        (entry,) = ModeWrong().apply(run)
    assert isinstance(entry, NotEvaluated)


def test_predictions_in_evaluation_mode_are_right(tmp_path: Path) -> None:
    assert outcome(ModeWrong(), predicted(tmp_path, ONE_BY_ONE, mode=False)) == []
