from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from unstuck.learning import Learning
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Loss, LossClasses, LossTarget
from unstuck.testing.rules import record

TEN = Loss(
    function="cross_entropy",
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)


def learning(folder: Path, values: np.ndarray, accuracy: np.ndarray | None = None, *facts: Loss) -> Learning:
    series = {signals.LOSS: values, signals.BATCH_SIZE: np.full(len(values), 32.0)}
    if accuracy is not None:
        series[signals.ACCURACY] = accuracy
    with record(folder, series=series, facts=facts or (TEN,)) as run:
        return Learning.of(run)


def test_outcomes(tmp_path: Path) -> None:
    noise = 1 + 0.02 * np.random.default_rng(0).normal(size=200)
    assert learning(tmp_path / "a", 2.3 * noise).outcome == "none"
    assert learning(tmp_path / "b", np.geomspace(2.3, 1.2, 200) * noise).outcome == "partial"
    assert learning(tmp_path / "c", np.geomspace(2.3, 0.05, 200) * noise).outcome == "good"
    assert learning(tmp_path / "d", np.geomspace(2.3, 1.2, 200), np.linspace(0.1, 1.0, 200)).outcome == "good"


def test_losses_below_zero_have_nothing_to_be_measured_by(tmp_path: Path) -> None:
    falling = learning(tmp_path / "a", np.linspace(1.0, -3.0, 200), None, Loss(function=None))
    assert math.isnan(falling.remaining)
    assert falling.outcome == "unknown"


def test_a_trained_start_and_a_divided_loss_are_told_apart_by_accuracy(tmp_path: Path) -> None:
    values = np.linspace(0.5, 0.45, 100)
    trained = learning(tmp_path / "a", values, np.full(100, 0.85))
    divided = learning(tmp_path / "b", values, np.full(100, 0.1))
    assert trained.pretrained
    assert not divided.pretrained
    assert divided.reference == pytest.approx(0.5, abs=0.01)


def test_an_undeclared_sum_is_measured_against_the_sum(tmp_path: Path) -> None:
    summed = learning(tmp_path / "a", 32 * np.linspace(2.31, 2.2, 100))
    assert summed.reference == pytest.approx(32 * math.log(10), rel=0.01)


def test_answers_of_the_beginning_do_not_tell_the_end(tmp_path: Path) -> None:
    def learnt(folder: Path, steps: list[int]) -> float | None:
        series = {signals.LOSS: np.geomspace(2.3, 0.1, 100), signals.ACCURACY: [0.1, 0.2, 0.3]}
        with record(folder, series=series, steps={signals.ACCURACY: steps}, facts=[TEN]) as run:
            return Learning.of(run).accuracy

    assert learnt(tmp_path / "a", [0, 1, 2]) is None
    assert learnt(tmp_path / "b", [0, 1, 90]) is not None


def test_an_accuracy_takes_enough_examples_to_be_no_chance(tmp_path: Path) -> None:
    def learnt(folder: Path, batch: float, answers: list[float]) -> str:
        losses = np.linspace(2.3, 1.9, 1000)
        with RunWriter(folder) as writer:
            writer.state(TEN)
            for step, loss in enumerate(losses):
                writer.add(signals.LOSS, step, float(loss))
            for step, answer in zip(np.linspace(0, 999, len(answers)).astype(int), answers, strict=True):
                writer.add(signals.ACCURACY, int(step), answer)
                writer.add(signals.BATCH_SIZE, int(step), batch)
        return Learning.of(Run.open(folder)).outcome

    lucky = [0.5] * 25 + [1.0] * 5
    assert learnt(tmp_path / "few", 2.0, lucky) == "partial"
    assert learnt(tmp_path / "many", 32.0, lucky) == "good"
    assert learnt(tmp_path / "all", 2.0, [0.95] * 100) == "good"
