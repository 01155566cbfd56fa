from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Association,
    EvaluatedAssociation,
    Fact,
    Layer,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Model,
    Modes,
    Shift,
)
from unstuck.rules.data.augmentation_harmful import AugmentationHarmful
from unstuck.testing.rules import RuleContract, outcome, record

CALL = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10)),
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)
noise = np.random.default_rng(0).normal(scale=0.03, size=100)


def run_of(
    folder: Path, *facts: Fact, end: float = 1.2, validation: float = 0.9, distance: float = 0.8, spread: float = 1.0,
    dropout: int = 0,
) -> Run:  # fmt: skip
    losses = 2.3 + (end - 2.3) * (1 - np.exp(-np.arange(100) / 15)) + noise
    return record(
        folder,
        series={signals.LOSS: losses.tolist(), signals.VALIDATION_LOSS: [2.3, 1.5, *[validation] * 3]},
        facts=[
            CALL,
            Shift(trained=900, evaluated=400, distance=distance, spread=spread),
            Modes(step=0, phase="training", dropouts_training=dropout),
            *facts,
        ],
        steps={signals.VALIDATION_LOSS: range(20, 120, 20)},
    )


class TestContract(RuleContract):
    rule = AugmentationHarmful()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", distance=0.2, spread=1.1)


@pytest.mark.parametrize("changed", [{"distance": 0.0, "spread": 0.6}, {"distance": 0.0, "spread": 7.0}, {}])
def test_inputs_moved_narrowed_or_drowned(tmp_path: Path, changed: dict[str, float]) -> None:
    (finding,) = outcome(AugmentationHarmful(), run_of(tmp_path, **changed))
    assert (finding.cause, finding.severity) == ("augmentation-harmful", "warning")


@pytest.mark.parametrize(
    "changed",
    [
        {"end": 0.2},  # learnt all the same
        {"validation": 3.0},  # it is the evaluation that is off
        {"dropout": 2},  # dropout explains a poor training loss
    ],
)
def test_what_does_no_harm_or_has_another_cause(tmp_path: Path, changed: dict[str, float]) -> None:
    assert outcome(AugmentationHarmful(), run_of(tmp_path, **changed)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "accuracy", "before", "found"),
    [
        (0.5, 0.6, 0.0, True),
        (0.85, 0.6, 0.0, False),
        (0.5, 0.9, 0.0, False),
        (0.5, 0.6, 0.8, True),
        (0.5, 0.6, 1.0, False),
    ],
)
def test_labels_that_neighbours_tell_in_evaluations_alone(
    tmp_path: Path, told: float, accuracy: float, before: float, found: bool
) -> None:
    """Unless training examples come back as they were: then their labels are noisy, and nothing is augmented."""
    facts = [
        CALL,
        Shift(trained=900, evaluated=400, distance=0.1, spread=1.0),
        Association(met=900, examples=900, neighbours=20.0, linear=20.0, told=told),
        EvaluatedAssociation(met=400, examples=400, neighbours=90.0, linear=90.0, told=0.95),
    ]
    losses = 2.3 - 1.1 * (1 - np.exp(-np.arange(100) / 15)) + noise
    series = {signals.LOSS: losses.tolist(), signals.VALIDATION_ACCURACY: [0.2, *[accuracy] * 3]}
    series[signals.BATCH_SEEN_BEFORE] = [before] * 20
    steps = {signals.VALIDATION_ACCURACY: range(25, 125, 25)}
    findings = outcome(AugmentationHarmful(), record(tmp_path / "many", series=series, facts=facts, steps=steps))
    assert [finding.evidence[0].signal for finding in findings] == ["association"] * found
    few = Association(met=200, examples=200, neighbours=20.0, linear=20.0, told=told)
    run = record(tmp_path / "few", series=series, facts=[*facts[:2], few, facts[3]], steps=steps)
    assert outcome(AugmentationHarmful(), run) == [], "of half as many examples fewer are told"


@pytest.mark.parametrize(("probability", "found"), [(0.1, True), (0.6, False)])
def test_only_dropout_of_half_the_units_explains_a_poor_loss(tmp_path: Path, probability: float, found: bool) -> None:
    layer = Layer(path="3", type="Dropout", description=f"Dropout(p={probability}, inplace=False)")
    run = run_of(tmp_path, Model(type="Net", layers=(layer,)), dropout=1)
    assert len(outcome(AugmentationHarmful(), run)) == found
