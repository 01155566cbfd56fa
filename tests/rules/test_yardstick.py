from __future__ import annotations

import numpy as np
import pytest

from tests.rules.trainings import CLASSES, SQUARES, falls, trained, write
from unstuck.learning.game import IN_A_GAME
from unstuck.learning.learning import Learning
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Event, Graph, Loss, PolicyTerm, Unread
from unstuck.rules.yardstick import evaluation_would_tell, lacking_yardstick
from unstuck.testing.rules import record


def lacking(folder, losses, *facts, **more) -> str:
    with trained(folder, losses, *facts, **more) as run:
        return lacking_yardstick(run, Learning.of(run))


def test_losses_of_pytorch_have_one(tmp_path) -> None:
    assert lacking(tmp_path / "a", falls(1.4, 0.1), CLASSES, accuracy=0.9) == ""
    assert lacking(tmp_path / "b", falls(1.0, 0.1), SQUARES) == ""
    assert lacking(tmp_path / "c", falls(1.0, 0.1), Loss(function="huber_loss")) == ""


@pytest.mark.parametrize(("first", "last", "has_none"), [(1e-4, 1.0, True), (1.0, 1e-4, False)])
def test_a_range_test_has_none(tmp_path, first, last, has_none) -> None:
    series, tables = {signals.LOSS: falls(1.4, 0.1)}, {signals.LEARNING_RATE: {"0": np.geomspace(first, last, 300)}}
    with record(tmp_path, series=series, tables=tables, facts=[CLASSES]) as run:
        assert lacking_yardstick(run, Learning.of(run)).startswith("the rate was raised") == has_none


@pytest.mark.parametrize(("through", "has_none"), [(True, True), (False, False)])
def test_a_loss_that_leads_through_another_training_has_none(tmp_path, through, has_none) -> None:
    with RunWriter(tmp_path) as writer:
        for stream in range(2):
            write(writer, falls(1.0, 0.1, seed=stream), SQUARES, Graph(step=0, through_others=through), stream=stream)
    with Run.open(tmp_path) as run:
        stream = run.snapshot().streams()[0]
        assert (lacking_yardstick(stream, Learning.of(stream)) == IN_A_GAME) == has_none


def test_an_objective_of_the_scripts_own_has_none(tmp_path) -> None:
    assert "own making" in lacking(tmp_path / "a", falls(1.0, 0.1))
    assert "own making" in lacking(tmp_path / "b", falls(1.0, 0.1), Loss(function=None))


def test_a_loss_of_unknown_floor_has_none(tmp_path) -> None:
    assert "gaussian_nll_loss" in lacking(tmp_path, falls(1.0, 0.1), Loss(function="gaussian_nll_loss"))


def test_a_loss_below_zero_has_none(tmp_path) -> None:
    assert "below zero" in lacking(tmp_path / "a", falls(1.0, 0.1) - 0.5, SQUARES)
    assert lacking(tmp_path / "b", falls(1.0, 0.1) - 0.1, SQUARES).startswith("the objective falls below zero")
    assert lacking(tmp_path / "c", np.maximum(falls(1.0, 0.0), 0.0) - 1e-9, SQUARES) == ""


@pytest.mark.parametrize(("shift", "moves"), [(3.0, True), (0.0, False), (0.2, False)])
def test_targets_that_move_leave_none(tmp_path, shift, moves) -> None:
    means = np.linspace(0.0, shift, 300) + np.random.default_rng(0).normal(0.0, 0.05, 300)
    series = {signals.TARGET_MEAN: means.tolist(), signals.TARGET_STD: [1.0] * 300}
    assert ("targets move" in lacking(tmp_path, falls(1.0, 0.1), SQUARES, series=series)) == moves


@pytest.mark.parametrize(
    "fact",
    [
        Event(step=0, what="compiled code is not seen", blinds=True),
        Unread(step=0, collector="Losses", error="RuntimeError: compiled code is not seen"),
    ],
)
def test_a_loss_that_was_not_seen_is_not_called_the_scripts_own(tmp_path, fact) -> None:
    said = lacking(tmp_path, falls(1.0, 0.1), fact)
    assert said.startswith("the loss function was not seen")
    assert "compiled code is not seen" in said


@pytest.mark.parametrize(
    ("fact", "tells"),
    [
        (SQUARES, True),
        (Event(step=0, what="compiled code is not seen", blinds=True), False),
        (Event(step=0, what="the optimizer skipped a step"), True),
        (PolicyTerm(step=0, raised=True, lowest=-1.0, highest=1.0), False),
        (PolicyTerm(step=0, raised=True, lowest=0.0, highest=1.0), True),
    ],
)
def test_whether_an_evaluation_would_tell(tmp_path, fact, tells) -> None:
    with record(tmp_path, series={signals.LOSS: falls(1.0, 0.1)}, facts=[fact]) as run:
        assert evaluation_would_tell(run) is tells


def test_of_targets_that_move_an_evaluation_tells_no_more(tmp_path) -> None:
    means = np.linspace(0.0, 3.0, 300) + np.random.default_rng(0).normal(0.0, 0.05, 300)
    series = {signals.LOSS: falls(1.0, 0.1), signals.TARGET_MEAN: means, signals.TARGET_STD: [1.0] * 300}
    with record(tmp_path, series=series, facts=[SQUARES]) as run:
        assert not evaluation_would_tell(run)
