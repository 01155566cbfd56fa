"""Copying is what lowered a loss only where nothing keeps the model from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.learning import Learning
from unstuck.record import signals
from unstuck.record.facts import Loss, LossTarget, VisibleTarget
from unstuck.rules.copying import copying
from unstuck.rules.shown import shown
from unstuck.testing.rules import record


def copies(folder: Path, *, end: float = 1e-3, **known: Any) -> tuple[bool, str]:
    fact = VisibleTarget(**{"looked": 8, "equal": 8, "how": "whole", "wide": True, "values": 8, **known})
    loss = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))
    with record(folder, series={signals.LOSS: np.geomspace(1.0, end, 100)}, facts=[fact, loss]) as run:
        return copying(run, Learning.of(run)) is not None, shown(run).kind


def test_a_loss_that_fell_by_copying_shows_nothing(tmp_path: Path) -> None:
    assert copies(tmp_path) == (True, "cannot be told")


@pytest.mark.parametrize("known", [{"wide": False}, {"noisy": True}, {"how": "column"}, {"looked": 3, "equal": 3}])
def test_what_cannot_copy_has_learnt(tmp_path: Path, known: dict[str, Any]) -> None:
    assert copies(tmp_path, **known) == (False, "healthy")


def test_a_loss_that_stays_high_is_that_of_hidden_answers(tmp_path: Path) -> None:
    assert copies(tmp_path, end=0.4)[0] is False
