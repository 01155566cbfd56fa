from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Inputs, Layer, Loss, LossTarget, LossTerm, LossTerms, Model, VisibleTarget
from unstuck.rules.data.target_in_input import TargetInInput
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *others: Any, end: float = 1e-3, **known: Any) -> Run:
    usual: dict[str, Any] = {"looked": 8, "equal": 8, "how": "whole", "wide": True, "further": 1, "values": 8}
    fact = VisibleTarget(**{**usual, "file": "train.py", "line": 7, **known})
    loss = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0), file="train.py", line=7)
    return record(folder, series={signals.LOSS: np.geomspace(1.0, end, 100)}, facts=[fact, loss, *others])


class TestContract(RuleContract):
    rule = TargetInInput()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", wide=False)


def test_a_model_that_is_given_more_is_a_denoiser(tmp_path: Path) -> None:
    (denoiser,) = outcome(TargetInInput(), run_of(tmp_path / "a"))
    (copier,) = outcome(TargetInInput(), run_of(tmp_path / "b", further=0))
    assert (denoiser.severity, copier.severity) == ("error", "note")
    assert denoiser.cause == "answer-visible"


@pytest.mark.parametrize(
    "known", [{"wide": False}, {"noisy": True}, {"equal": 5}, {"looked": 3, "equal": 3}, {"values": 1}, {"end": 0.5}]
)
def test_what_cannot_copy_or_has_not_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(TargetInInput(), run_of(tmp_path, **known))


def test_a_penalty_is_a_reason_not_to_copy(tmp_path: Path) -> None:
    terms = LossTerms(step=0, terms=(LossTerm(value=1.0, weighted=1.0), LossTerm(value=2.0, weighted=2.0)))
    assert not outcome(TargetInInput(), run_of(tmp_path, terms))


@pytest.mark.parametrize(
    ("known", "words"),
    [({"how": "last"}, "the last part"), ({"how": "column", "column": 2, "columns": 9}, "column 2")],
)
def test_parts_are_named_however_far_the_loss_fell(tmp_path: Path, known: dict[str, Any], words: str) -> None:
    (finding,) = outcome(TargetInInput(), run_of(tmp_path, end=0.9, **known))
    assert words in finding.summary


@pytest.mark.parametrize("column", [0, 8])
def test_of_a_sequence_the_last_entry_alone_is_no_task_of_memory(tmp_path: Path, column: int) -> None:
    inputs = Inputs(shape=(8, 9, 1), kind_of="sequence", examples=64, minimum=-1.0, maximum=1.0)
    network = Model(type="Net", layers=(Layer(path="gru", type="GRU"),))
    for number, other in enumerate((inputs, network)):
        run = run_of(tmp_path / str(number), other, how="column", column=column, columns=9)
        assert bool(outcome(TargetInInput(), run)) is (column == 8)
