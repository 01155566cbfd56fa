"""Answers late in a training, and what they say where the loss weighs classes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from unstuck.learning.answers import Answers, answered
from unstuck.learning.curve import Level
from unstuck.learning.learning import Learning
from unstuck.record import Run, RunWriter, signals
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


def late_share(folder: Path, steps: list[int], shares: list[float], sizes: list[float]) -> Level | None:
    with RunWriter(folder) as writer:
        for step in range(200):
            writer.add(signals.LOSS, step, 0.7)
        for step, share, size in zip(steps, shares, sizes, strict=True):
            writer.add_sample(step, {signals.ACCURACY: share, signals.BATCH_SIZE: size})
        writer.state(RARE)
    return answered(Run.open(folder), since=180)


def test_answers_are_pooled_over_the_examples_of_the_stretch_alone(tmp_path: Path) -> None:
    found = late_share(tmp_path, [100, 179, 185, 195], [0.0, 0.0, 0.9, 0.6], [64.0, 64.0, 100.0, 50.0])
    assert found is not None
    assert found.value == pytest.approx((90 + 30) / 150)
    assert found.error == pytest.approx((2 * (10**2 + 10**2)) ** 0.5 / 150)


def test_a_batch_that_scatters_as_its_examples_do_has_their_error(tmp_path: Path) -> None:
    alone = late_share(tmp_path / "a", [190], [0.9], [100.0])
    assert alone is not None
    assert alone.error == pytest.approx((0.9 * 0.1 / 100) ** 0.5)
    sure = late_share(tmp_path / "b", [190], [1.0], [100.0])
    assert sure is not None
    assert sure.error == pytest.approx(0.01)


@pytest.mark.parametrize(("size", "told"), [(25.0, True), (24.0, False)])
def test_fewer_than_fifty_late_examples_tell_nothing(tmp_path: Path, size: float, told: bool) -> None:
    found = late_share(tmp_path, [100, 185, 195], [0.9, 0.9, 0.9], [500.0, size, size])
    assert (found is not None) == told


def test_where_the_end_holds_too_few_answers_those_before_it_are_judged(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for step in range(200):
            writer.add(signals.LOSS, step, 0.7)
        for step in range(10, 200, 10):
            writer.add_sample(step, {signals.ACCURACY: step / 200, signals.BATCH_SIZE: 16.0})
        writer.state(RARE)
    run = Run.open(tmp_path)
    assert answered(run, since=180) is None
    assert Answers.of(run, RARE).accuracy == pytest.approx(0.85)


def test_means_over_epochs_that_a_loop_tells_come_before_samples(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.add_series(signals.ACCURACY, [185, 195], [0.5, 0.5])
        writer.add_series(signals.BATCH_SIZE, [185, 195], [64.0, 64.0])
        writer.add_series(signals.TRAIN_ACCURACY, [150, 180, 200], [0.3, 0.9, 0.8])
    with Run.open(tmp_path) as run:
        found, last = answered(run, since=180), answered(run, since=190)
    assert found == Level(pytest.approx(0.85), pytest.approx(0.05))
    assert last is not None
    assert (last.value, math.isfinite(last.error)) == (pytest.approx(0.8), False)
