from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Broadcast, Loss, LossOutput, LossTarget
from unstuck.rules import judge
from unstuck.rules.loss.loss_broadcast import LossBroadcast
from unstuck.testing.rules import RuleContract, outcome, record

CALL = Loss(
    function="mse_loss",
    output=LossOutput(shape=(32, 1)),
    target=LossTarget(shape=(32,), type="real", mean=0.0, variance=1.0),
    file="train.py",
    line=7,
)


def seen(folder: Path, *facts: Loss | Broadcast) -> Run:
    return record(folder, series={signals.LOSS: np.full(100, 1.0)}, facts=facts)


class TestContract(RuleContract):
    rule = LossBroadcast()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "sick", CALL)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", replace(CALL, target=replace(CALL.target, shape=(32, 1))))


@pytest.mark.parametrize(
    ("output", "target"),
    [((32, 3), ()), ((32, 3), (3,)), ((32, 3), (1,)), ((32, 3), (32, 1)), ((32,), (32,)), ((1, 1), (1,))],
)
def test_targets_that_are_shared_on_purpose_are_silent(
    tmp_path: Path, output: tuple[int, ...], target: tuple[int, ...]
) -> None:
    with seen(
        tmp_path / "a",
        replace(CALL, output=replace(CALL.output, shape=output), target=replace(CALL.target, shape=target)),
    ) as run:
        assert outcome(LossBroadcast(), run) == []


@pytest.mark.parametrize(
    ("output", "target"), [((32,), (32, 1)), ((32, 1), (32, 3)), ((8, 1, 4), (8, 4)), ((50, 1), (50,))]
)
def test_outputs_that_are_stretched_are_an_error(
    tmp_path: Path, output: tuple[int, ...], target: tuple[int, ...]
) -> None:
    with seen(
        tmp_path / "a",
        replace(CALL, output=replace(CALL.output, shape=output), target=replace(CALL.target, shape=target)),
    ) as run:
        (finding,) = outcome(LossBroadcast(), run)
    assert (finding.severity, finding.cause, str(finding.where)) == ("error", "loss-broadcast", "train.py:7")


def test_a_formula_of_one_s_own_is_seen(tmp_path: Path) -> None:
    fact = Broadcast(step=0, first=(40,), second=(40, 1), result=(40, 40), function="sub", file="a.py", line=3)
    with seen(tmp_path / "a", fact) as run:
        first = judge(run).findings[0]
    assert (first.code, first.severity, str(first.where)) == ("L202", "error", "a.py:3")
