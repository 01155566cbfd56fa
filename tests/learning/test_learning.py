from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from unstuck.learning import IN_A_GAME, Learning, constant_guess, in_a_game, single_loss, untrained_loss
from unstuck.record import NotEvaluated, Run, RunWriter, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget
from unstuck.rules import Rule
from unstuck.rules.data.labels_mismatched import LabelsMismatched
from unstuck.rules.data.not_shuffled import NotShuffled
from unstuck.testing.rules import record

TEN = Loss(
    function="cross_entropy",
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (TEN, math.log(10) + 9 / 2000),
        (Loss(function="cross_entropy", classes=LossClasses(number=2, counts=(9000, 1000))), 0.3251),
        (Loss(function="binary_cross_entropy_with_logits", target=LossTarget(mean=0.5)), math.log(2)),
        (Loss(function="mse_loss", target=LossTarget(mean=3.0, variance=4.0)), 4.0),
        (
            Loss(
                function="mse_loss",
                reduction="sum",
                output=LossOutput(shape=(32, 3)),
                target=LossTarget(type="real", variance=2.0),
            ),
            192.0,
        ),
        (Loss(function="triplet_margin_loss"), None),
        (Loss(function="mse_loss"), None),
        (Loss(function="cross_entropy", classes=LossClasses(number=3, counts=(50, 0, 0))), None),
    ],
)
def test_the_constant_guess_by_its_formula(loss: Loss, expected: float | None) -> None:
    found = constant_guess(loss, batch=32)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-3))


def test_an_oracle_for_the_constant_guess() -> None:
    labels = np.random.default_rng(0).choice(4, p=[0.1, 0.2, 0.3, 0.4], size=20_000)
    counts = np.bincount(labels)
    direct = -np.log(counts / counts.sum())[labels].mean()
    loss = Loss(function="nll_loss", classes=LossClasses(number=4, counts=tuple(int(c) for c in counts)))
    assert constant_guess(loss, batch=1) == pytest.approx(direct, rel=1e-3)


def test_what_an_untrained_network_gives() -> None:
    assert untrained_loss(TEN, batch=32) == pytest.approx(math.log(10))
    assert untrained_loss(Loss(function="mse_loss", target=LossTarget(mean=3.0, variance=4.0)), batch=1) == 13.0
    assert untrained_loss(Loss(function="l1_loss"), batch=1) is None
    logarithms = Loss(function="nll_loss", output=LossOutput(operation="LogSoftmax"), classes=LossClasses(number=10))
    assert untrained_loss(logarithms, batch=32) == pytest.approx(math.log(10))
    assert (
        untrained_loss(
            Loss(function="nll_loss", output=LossOutput(operation="Log"), classes=LossClasses(number=10)), batch=32
        )
        is None
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


def test_losses_below_zero_are_measured_by_their_fall(tmp_path: Path) -> None:
    falling = learning(tmp_path / "a", np.linspace(1.0, -3.0, 200), None, Loss(function=None))
    assert math.isnan(falling.remaining)
    assert falling.outcome == "partial"


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


def test_a_loss_that_a_step_calls_in_two_places_is_no_single_one(tmp_path: Path) -> None:
    places = [Loss(function="mse_loss", file="vqvae.py", line=line) for line in (20, 28)]
    with record(tmp_path / "a", series={signals.LOSS: np.ones(30)}, facts=places) as run:
        assert single_loss(run) is None
    calls = {signals.LOSS: np.ones(30), signals.LOSS_CALL: np.ones(30)}
    with record(tmp_path / "b", series=calls, facts=places) as run:
        assert single_loss(run) == places[0]


def test_several_functions_have_no_single_loss(tmp_path: Path) -> None:
    with record(tmp_path / "a", facts=[TEN, Loss(function="mse_loss")]) as run:
        assert single_loss(run) is None
    train, evaluation = Loss(function="mse_loss", line=3), Loss(function="mse_loss", line=9)
    later = Loss(function="mse_loss", target=LossTarget(variance=2.0), line=3)
    with record(tmp_path / "b", series={signals.LOSS_CALL: np.ones(9)}, facts=[train, evaluation, later]) as run:
        assert single_loss(run) == later


def test_a_game_has_several_trainings_with_losses(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0, stream=0)
        writer.state(TEN, stream=1)
        writer.flush()
        with Run.open(tmp_path) as run:
            assert not in_a_game(run)
            writer.add(signals.LOSS, 0, 1.0, stream=1)
            writer.flush()
            assert in_a_game(run)


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


@pytest.mark.parametrize("rule", [LabelsMismatched(), NotShuffled()], ids=lambda rule: rule.code)
def test_that_trainings_are_several_is_said_to_be_the_reason(rule: Rule, tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream in range(2):
            writer.add_series(signals.LOSS, range(40), [1.0] * 40, stream=stream)
    with Run.open(tmp_path) as run:
        assert list(rule.apply(run)) == [NotEvaluated(reason=IN_A_GAME)]
