"""Trials that are written from given numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.confirm.programs import programs
from unstuck.confirm.trial import Changes, Ended, Plan, Trial
from unstuck.record import facts, signals
from unstuck.testing.rules import record

__all__ = ["programs"]

CLASSES = facts.Loss(
    function="cross_entropy", reduction="mean", classes=facts.LossClasses(number=10, counts=(100,) * 10)
)

RATE: Changes = (("learning-rate", {"rate": 0.1}),)

Make = Callable[..., Trial]


def losses(start: float, end: float, *, steps: int = 300, seed: int = 0) -> np.ndarray:
    """A loss that falls to its end in a third of the steps, with the noise of batches."""
    noise = np.random.default_rng(seed).normal(0.0, 0.02, steps)
    return end + (start - end) * np.exp(-np.arange(steps) / (steps / 10)) + noise


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a trial with the loss that is given."""

    def made(
        name: str,
        values: Sequence[float] | np.ndarray,
        *,
        changes: Changes = (),
        causes: tuple[str, ...] = ("lr-too-low",),
        ended: Ended | None = None,
        seed: int = 0,
        turn: int = 0,
        decides: bool = True,
        loss: facts.Loss = CLASSES,
    ) -> Trial:
        folder = tmp_path / "trials" / name
        record(folder, series={signals.LOSS: values, signals.LOSS_CALL: values}, facts=[loss]).close()
        words = "with the rate at 0.1" if changes else "unchanged"
        plan = Plan(
            name=name,
            changes=changes,
            words=words,
            causes=causes if changes else (),
            decides=decides,
            seed=seed,
            turn=turn,
        )
        plan.write(folder)
        (ended or Ended(how="bound")).write(folder)
        trial = Trial.read(folder)
        assert trial is not None
        return trial

    return made
