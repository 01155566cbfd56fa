from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Finding, NotEvaluated, Run, signals
from unstuck.record.facts import (
    Association,
    Inputs,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Overlap,
    Shift,
    TargetOutputs,
    Unpaired,
)
from unstuck.rules.data.labels_mismatched import LabelsMismatched
from unstuck.testing.rules import RuleContract, outcome, record

CALL = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10)),
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
    file="train.py",
    line=7,
)
noise = np.random.default_rng(0).normal(scale=0.05, size=100)


def run_of(
    folder: Path, *, end: float, pairs: Association | None, accuracy: list[float] | None = None, facts: Any = ()
) -> Run:
    losses = np.linspace(2.31, end, 100) + noise
    series = {signals.LOSS: losses.tolist()}
    if accuracy:
        series[signals.VALIDATION_ACCURACY] = accuracy
    stated = [CALL, *facts, *((pairs,) if pairs else ()), Overlap(evaluated=400, seen_in_training=0, trained=1000)]
    return record(folder, series=series, facts=stated)


UNRELATED = Association(met=600, examples=600, neighbours=1.2, linear=-0.4)
RELATED = Association(met=600, examples=600, neighbours=90.0, linear=120.0)
CHANCE = [0.09, 0.11, 0.1, 0.08]


class TestContract(RuleContract):
    rule = LabelsMismatched()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", end=2.1, pairs=UNRELATED, accuracy=CHANCE)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", end=0.1, pairs=RELATED, accuracy=[0.6, 0.8, 0.9, 0.95])


def test_labels_learnt_by_heart_are_found_and_placed(tmp_path: Path) -> None:
    (finding,) = outcome(LabelsMismatched(), run_of(tmp_path, end=0.05, pairs=UNRELATED, accuracy=CHANCE))
    assert (finding.cause, finding.severity, finding.confidence) == ("labels-mismatched", "error", 0.9)
    assert (finding.where.file, finding.where.line) == ("train.py", 7)


@pytest.mark.parametrize(
    ("end", "pairs", "accuracy"),
    [
        (2.31, RELATED, CHANCE),  # stuck for another reason
        (0.1, UNRELATED, [0.3, 0.5, 0.7, 0.8]),  # a parity of many bits, and it is learnt
        (0.1, UNRELATED, None),  # learnt, and nothing says that it is by heart
    ],
)
def test_what_is_learnt_or_related_is_left_alone(
    tmp_path: Path, end: float, pairs: Association, accuracy: list[float] | None
) -> None:
    assert outcome(LabelsMismatched(), run_of(tmp_path, end=end, pairs=pairs, accuracy=accuracy)) == []


def test_what_augmentation_may_have_destroyed_is_left_to_its_rule(tmp_path: Path) -> None:
    noisy = Shift(trained=500, evaluated=500, distance=0.0, spread=5.0)
    assert outcome(LabelsMismatched(), run_of(tmp_path, end=2.31, pairs=UNRELATED, facts=[noisy])) == []


def test_an_unknown_loss_is_not_evaluated(tmp_path: Path) -> None:
    run = record(tmp_path, series={signals.LOSS: [1.0] * 30}, facts=[UNRELATED])
    (entry,) = LabelsMismatched().apply(run)
    assert isinstance(entry, NotEvaluated)
    assert not isinstance(entry, Finding)


def test_neighbours_among_ids_tell_nothing_and_among_sequences_less(tmp_path: Path) -> None:
    def answer(kind: Any) -> Finding | NotEvaluated:
        inputs = Inputs(shape=(32, 20, 4), kind_of=kind, examples=640, minimum=0.0, maximum=1.0)
        run = run_of(tmp_path / kind, end=2.31, pairs=UNRELATED, accuracy=CHANCE, facts=[inputs])
        (answer,) = LabelsMismatched().apply(run)
        return answer

    assert isinstance(answer("ids"), NotEvaluated)
    sequence, table = answer("sequence"), answer("table")
    assert isinstance(sequence, Finding)
    assert isinstance(table, Finding)
    assert sequence.confidence < table.confidence


@pytest.mark.parametrize(("rare", "judged"), [(0.2, True), (0.02, False)])
def test_neighbours_of_a_handful_of_rare_examples_tell_nothing(tmp_path: Path, rare: float, judged: bool) -> None:
    counts = (round(5000 * (1 - rare)), round(5000 * rare))
    call = replace(CALL, classes=replace(CALL.classes, number=2, counts=counts))
    losses = np.full(100, 0.99 * -(rare * np.log(rare) + (1 - rare) * np.log(1 - rare))) + noise / 10
    facts = [call, UNRELATED, Overlap(evaluated=400, seen_in_training=0, trained=1000)]
    with record(tmp_path, series={signals.LOSS: losses.tolist()}, facts=facts) as run:
        (answer,) = LabelsMismatched().check(run)
    assert isinstance(answer, Finding) is judged


NOISE = Loss(
    function="mse_loss",
    output=LossOutput(shape=(64, 2)),
    target=LossTarget(
        shape=(64, 2), mean=0.0, variance=1.0, each=TargetOutputs(outputs=2, examples=1000, variance=1.0)
    ),
    file="train.py",
    line=7,
)
APART = replace(UNRELATED, numbers=2, parts=2)
SAMPLES = Shift(trained=500, evaluated=500, distance=3.0, spread=0.2)


def diffusion(folder: Path, *, end: float, facts: Any, validation: list[float] | None = None) -> Run:
    series = {signals.LOSS: (np.linspace(1.05, end, 100) + noise / 5).tolist()}
    if validation:
        series[signals.VALIDATION_LOSS] = validation
    inputs = Inputs(shape=(64, 2), kind_of="table", examples=640, minimum=0.0, maximum=1.0)
    return record(folder, series=series, facts=[NOISE, inputs, *facts])


@pytest.mark.parametrize("validation", [None, [1.01, 1.0, 1.02]])
def test_noise_that_was_drawn_anew_is_found(tmp_path: Path, validation: list[float] | None) -> None:
    with diffusion(tmp_path, end=1.0, facts=[APART], validation=validation) as run:
        (finding,) = LabelsMismatched().apply(run)
    assert isinstance(finding, Finding)
    assert (finding.cause, finding.confidence) == ("labels-mismatched", 0.9)
    assert "one draw" in finding.advice


def test_what_is_sampled_from_a_model_is_no_evaluation_of_it(tmp_path: Path) -> None:
    with diffusion(tmp_path, end=1.0, facts=[APART, SAMPLES]) as run:
        assert len(list(LabelsMismatched().check(run))) == 1


@pytest.mark.parametrize(("pairs", "end"), [(replace(APART, linear=30.0), 1.0), (APART, 0.6)])
def test_several_numbers_that_are_told_or_learnt_are_left_alone(tmp_path: Path, pairs: Association, end: float) -> None:
    with diffusion(tmp_path, end=end, facts=[pairs]) as run:
        assert outcome(LabelsMismatched(), run) == []


def test_several_numbers_that_move_with_the_model_are_not_judged(tmp_path: Path) -> None:
    moving = {signals.TARGET_MEAN: np.linspace(0, 9, 20).tolist(), signals.TARGET_STD: [1.0] * 20}
    series = {signals.LOSS: np.full(100, 1.0).tolist(), signals.BATCH_SIZE: [64.0] * 20, **moving}
    with record(tmp_path, series=series, facts=[NOISE, APART]) as run:
        (answer,) = LabelsMismatched().apply(run)
    assert isinstance(answer, NotEvaluated)
    assert "targets move" in answer.reason


@pytest.mark.parametrize("known", [True, False])
def test_pairs_that_are_missing_have_a_reason(tmp_path: Path, known: bool) -> None:
    facts = [Unpaired(reason="more than one batch enters the model for a loss")] if known else []
    with diffusion(tmp_path, end=1.0, facts=facts) as run:
        (answer,) = LabelsMismatched().apply(run)
    assert isinstance(answer, NotEvaluated)
    assert answer.reason == (facts[0].reason if facts else Association.missing)
