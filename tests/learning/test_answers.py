"""Answers late in a training, and what they say where the loss weighs classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unstuck.learning.answers import Answers
from unstuck.learning.learning import Learning
from unstuck.record import signals
from unstuck.record.facts import Loader, Loss, LossClasses, LossTarget
from unstuck.testing.rules import record

RARE = Loss(
    function="cross_entropy",
    weighted=True,
    target=LossTarget(shape=(64,), type="class"),
    classes=LossClasses(number=2, counts=(980, 20), recalls=(0.7, 0.85), recall_examples=(980.0, 20.0)),
)


def answers(folder: Path, loss: Loss, accuracy: float = 0.7, *facts: Loader, samples: int = 50) -> Answers:
    series = {
        signals.LOSS: [0.7] * samples,
        signals.ACCURACY: [accuracy] * samples,
        signals.BATCH_SIZE: [64.0] * samples,
    }
    with record(folder, series=series, facts=[loss, *facts]) as run:
        return Answers.of(run, loss)


def said(found: Answers) -> dict[str, str]:
    return {one.what: one.says for one in found.evidence}


def test_a_loss_that_weighs_classes_is_judged_by_the_recall_of_each(tmp_path: Path) -> None:
    assert said(answers(tmp_path / "a", RARE)) == {"training accuracy": "unknown", "balanced accuracy": "partial"}
    assert said(answers(tmp_path / "b", replace(RARE, weighted=False))) == {"training accuracy": "none"}
    constant = replace(RARE, classes=replace(RARE.classes, recalls=(1.0, 0.0)))
    assert said(answers(tmp_path / "c", constant, 0.98))["balanced accuracy"] == "none"


def test_pixels_have_a_commonest_class_each(tmp_path: Path) -> None:
    dense = replace(RARE, target=LossTarget(shape=(64, 8, 8), type="class"))
    assert said(answers(tmp_path, dense)) == {"training accuracy": "unknown"}


def test_losses_that_the_program_weighs_itself_are_weighed(tmp_path: Path) -> None:
    assert answers(tmp_path, replace(RARE, weighted=False, reduction="none")).weighed


def test_without_answers_nothing_is_said(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [0.7] * 20}, facts=[RARE]) as run:
        assert Answers.of(run, RARE).evidence == ()


@pytest.mark.parametrize(("order", "sampled"), [("other", True), ("random", False)])
def test_a_sampler_of_the_programs_own_is_known(tmp_path: Path, order, sampled: bool) -> None:
    loader = Loader(number=0, begun=1, updates=50, order=order)
    assert answers(tmp_path, RARE, 0.7, loader).sampled == sampled


def test_what_falls_far_is_not_unlearnt_because_the_commonest_class_has_more(tmp_path: Path) -> None:
    many = (replace(RARE, line=1), replace(RARE, line=2, function="huber_loss"))
    falling = {
        signals.LOSS: [2.0 * 0.9**step + 0.5 for step in range(100)],
        signals.ACCURACY: [0.5] * 100,
        signals.BATCH_SIZE: [64.0] * 100,
    }
    unweighed = [replace(one, weighted=False, classes=replace(RARE.classes, counts=(700, 300))) for one in many]
    with record(tmp_path / "a", series=falling, facts=unweighed) as run:
        assert Learning.of(run).trained == "unknown"
    flat = falling | {signals.LOSS: [2.0, 2.1] * 50}
    with record(tmp_path / "b", series=flat, facts=unweighed) as run:
        assert Learning.of(run).trained == "none"


@pytest.mark.parametrize(
    ("recall", "asked", "outcome"), [(0.0, 60.0, "partial"), (0.05, 60.0, "good"), (0.0, 9.0, "good")]
)
def test_a_class_that_is_never_told_rightly_is_not_learnt(tmp_path: Path, recall, asked, outcome) -> None:
    ten = Loss(
        function="cross_entropy",
        target=LossTarget(shape=(64,), type="class"),
        classes=LossClasses(
            number=10, counts=(100,) * 10, recalls=(1.0,) * 9 + (recall,), recall_examples=(60.0,) * 9 + (asked,)
        ),
    )
    series = {
        signals.LOSS: [2.3 * 0.97**step for step in range(100)],
        signals.ACCURACY: [0.91] * 100,
        signals.BATCH_SIZE: [64.0] * 100,
    }
    with record(tmp_path, series=series, facts=[ten]) as run:
        assert Learning.of(run).outcome == outcome
