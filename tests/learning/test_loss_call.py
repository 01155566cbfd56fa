"""Which loss a training calls, and in what unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.learning.loss_call import (
    batch_size,
    called_and_differentiated,
    elements,
    loss_calls,
    single_loss,
)
from unstuck.record import signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget
from unstuck.testing.rules import record

TEN = Loss(
    function="cross_entropy",
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)


def test_a_loss_that_a_step_calls_in_two_places_is_no_single_one(tmp_path: Path) -> None:
    places = [Loss(function="mse_loss", file="vqvae.py", line=line) for line in (20, 28)]
    with record(tmp_path / "a", series={signals.LOSS: np.ones(30)}, facts=places) as run:
        assert single_loss(run) is None
    calls = {signals.LOSS: np.ones(30), signals.LOSS_CALL: np.ones(30)}
    with record(tmp_path / "b", series=calls, facts=places) as run:
        assert single_loss(run) == places[0]


def test_calls_on_one_line_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    heads = [Loss(function="mse_loss", file="heads.py", line=7, column=column) for column in (11, 52)]
    with record(tmp_path, series={signals.LOSS: np.ones(30)}, facts=[*heads, *heads]) as run:
        assert loss_calls(run) == tuple(heads)
        assert single_loss(run) is None


def test_several_functions_have_no_single_loss(tmp_path: Path) -> None:
    with record(tmp_path / "a", facts=[TEN, Loss(function="mse_loss")]) as run:
        assert single_loss(run) is None
    train, evaluation = Loss(function="mse_loss", line=3), Loss(function="mse_loss", line=9)
    later = Loss(function="mse_loss", target=LossTarget(variance=2.0), line=3)
    with record(tmp_path / "b", series={signals.LOSS_CALL: np.ones(9)}, facts=[train, evaluation, later]) as run:
        assert single_loss(run) == later


def test_each_place_is_known_by_what_was_stated_last(tmp_path: Path) -> None:
    early, late = (Loss(function="mse_loss", line=3, target=LossTarget(mean=mean)) for mean in (0.0, 1.0))
    with record(tmp_path, facts=[early, Loss(function=None), Loss(function="l1_loss", line=4), late]) as run:
        assert [(call.function, call.target.mean) for call in loss_calls(run)] == [("mse_loss", 1.0), ("l1_loss", None)]


def test_what_was_called_and_what_was_differentiated(tmp_path: Path) -> None:
    series = {signals.LOSS: [1.0, 2.0, np.nan, 4.0], signals.LOSS_CALL: [10.0, 30.0, 40.0]}
    with record(tmp_path, series=series, steps={signals.LOSS_CALL: [0, 2, 3]}) as run:
        steps, called, differentiated = called_and_differentiated(run)
    assert (steps.tolist(), called.tolist(), differentiated.tolist()) == ([0, 3], [10.0, 40.0], [1.0, 4.0])


def test_a_batch_is_the_typical_one(tmp_path: Path) -> None:
    with record(tmp_path / "a", series={signals.BATCH_SIZE: [64.0, 64.0, 3.0]}) as run:
        assert batch_size(run) == 64.0
    with record(tmp_path / "b") as run:
        assert (batch_size(run, TEN), batch_size(run)) == (32.0, 1.0)


@pytest.mark.parametrize(
    ("function", "reduction", "shape", "expected"),
    [
        ("mse_loss", "mean", (32, 3), 1.0),
        ("mse_loss", "sum", (32, 3), 96.0),
        ("mse_loss", "sum", (), 32.0),
        ("cross_entropy", "sum", (32, 5, 7), 224.0),
        ("cross_entropy", "mean", (32, 5, 7), 1.0),
        ("kl_div", "mean", (32, 5), 0.2),
        ("kl_div", "batchmean", (32, 5, 7), 7.0),
    ],
)
def test_elements_that_a_reduction_sums_over(function: str, reduction: str, shape: tuple[int, ...], expected: float):
    loss = Loss(function=function, reduction=reduction, output=LossOutput(shape=shape), target=LossTarget(type="real"))
    assert elements(loss, 32) == pytest.approx(expected)
