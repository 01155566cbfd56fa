"""What outputs and targets that are the same for every example say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unstuck.learning.learning import Learning
from unstuck.learning.outputs import of_outputs, of_targets
from unstuck.record import signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget
from unstuck.testing.rules import record

REAL = Loss(
    function="huber_loss",
    output=LossOutput(shape=(32, 1), operation="Addmm"),
    target=LossTarget(shape=(32, 1), type="real", mean=0.0, variance=1.0),
)
SAME = replace(REAL, target=LossTarget(shape=(32, 1), type="real", mean=0.3, variance=0.0))


def said(folder: Path, loss: Loss | None, spread: float, *, samples: int = 100) -> str | None:
    series = {
        signals.LOSS: [1.0] * 100,
        signals.OUTPUT_SPREAD: [spread] * samples,
        signals.TARGET_STD: [1.0] * samples,
        signals.OUTPUT_STD: [2.0] * samples,
    }
    with record(folder, series=series) as run:
        found = of_outputs(run, loss)
        return found and found.says


@pytest.mark.parametrize(("spread", "says"), [(0.0, "none"), (0.0019, "none"), (0.09, "unknown"), (0.11, None)])
def test_the_spread_of_outputs(tmp_path: Path, spread: float, says: str | None) -> None:
    assert said(tmp_path, REAL, spread) == says


def test_outputs_may_be_the_same_early_for_one_example_and_for_one_target(tmp_path: Path) -> None:
    assert said(tmp_path / "a", REAL, 0.0, samples=20) is None
    assert said(tmp_path / "b", replace(REAL, output=LossOutput(shape=(1, 5))), 0.0) is None
    assert said(tmp_path / "c", SAME, 0.0) is None
    assert said(tmp_path / "d", None, 0.0) == "unknown"  # one head of several


@pytest.mark.parametrize(
    ("loss", "same"),
    [
        (SAME, True),
        (REAL, False),
        (None, False),
        (replace(SAME, output=LossOutput(shape=(32, 1), operation="Sub")), False),  # a residual that shall be zero
        (replace(SAME, output=LossOutput(shape=(32, 1))), False),
    ],
)
def test_targets_that_are_all_the_same(loss: Loss | None, same: bool) -> None:
    assert (of_targets(loss, step=9) is not None) == same


def test_whoever_is_shown_one_target_has_learnt_nothing_that_could_be_told(tmp_path: Path) -> None:
    one = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 3), operation="Addmm"),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=3, counts=(0, 3_200, 0)),
    )
    falls = {signals.LOSS: [0.9**step for step in range(100)], signals.ACCURACY: [1.0] * 100}
    with record(tmp_path, series=falls, facts=[one]) as run:
        learning = Learning.of(run)
    assert learning.outcome == "unknown"
    assert "the targets are the same for every example" in [one.words for one in learning.evidence]


def test_what_learns_a_constant_has_not_learnt(tmp_path: Path) -> None:
    falls = {signals.LOSS: [9.0 * 0.9**step + 1.0 for step in range(100)]}
    same = {signals.OUTPUT_SPREAD: [1e-5] * 100, signals.TARGET_STD: [1.0] * 100}
    ids = replace(REAL, function="triplet_margin_loss")
    with record(tmp_path / "a", series=falls | same, facts=[ids]) as run:
        assert Learning.of(run).outcome == "none"
    with record(tmp_path / "b", series=falls, facts=[ids]) as run:
        assert Learning.of(run).outcome == "good"
