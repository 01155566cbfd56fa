from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, LossTerm, LossTerms
from unstuck.rules.loss.held_at_start import HeldAtStart
from unstuck.testing.rules import RuleContract, outcome, record

STEPS = (0, 1, 2, 40, 80, 95)
LEASH = (0.0, 0.03, 0.07, 1.0, 1.05, 1.1)


def run_with(folder: Path, *, task: float = 1.3, leash: Sequence[float] = LEASH, factor: float = 1.0) -> Run:
    call = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 4)),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=4, counts=(5000,) * 4),
        file="train.py",
        line=20,
    )
    tasks = np.linspace(3.0, task, 3).tolist() + [task] * 3

    def look(step: int, value: float, penalty: float) -> LossTerms:
        terms = (
            LossTerm(value=value, weighted=value, function="cross_entropy", file="train.py", line=20),
            LossTerm(value=penalty, weighted=factor * penalty, operation="add", file="train.py", line=21),
        )
        return LossTerms(step=step, terms=terms)

    looks = [look(*known) for known in zip(STEPS, tasks, leash, strict=True)]
    losses = list(np.linspace(3.0, task + factor * leash[-1], 100))
    return record(folder, series={signals.LOSS: losses, signals.BATCH_SIZE: [32.0] * 100}, facts=[call, *looks])


class TestContract(RuleContract):
    rule = HeldAtStart()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", factor=1e-3)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({}, 1),
        ({"task": 0.3}, 0),  # the task is learnt all the same
        ({"leash": (0.5, *LEASH[1:])}, 0),  # no leash: it was there from the start
        ({"leash": (*LEASH[:3], 0.5, 1.0, 2.0)}, 0),  # the network still leaves its start
        ({"leash": [0.0] * 6}, 0),
    ],
)
def test_what_holds_a_network_at_its_start(tmp_path: Path, known: dict[str, Any], found: int) -> None:
    findings = outcome(HeldAtStart(), run_with(tmp_path, **known))
    assert len(findings) == found
    assert all((one.cause, one.where.line) == ("loss-terms-unbalanced", 21) for one in findings)
