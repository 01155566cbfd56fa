"""What is no model or no optimizer is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import unstuck
from unstuck.errors import ArgumentError

MODEL = torch.nn.Linear(1, 1)


@pytest.mark.parametrize(("model", "optimizer", "named"), [(1, 2, "model=1"), (MODEL, 2, "optimizer=2")])
def test_other_things_are_refused(tmp_path: Path, model: Any, optimizer: Any, named: str) -> None:
    folder = tmp_path / "run"
    with pytest.raises(ArgumentError, match=named), unstuck.watch(model, optimizer, out=folder):
        raise AssertionError("not reached")
    assert not folder.exists()


def test_a_budget_is_checked_before_the_run_is_made(tmp_path: Path) -> None:
    optimizer, folder = torch.optim.SGD(MODEL.parameters(), lr=0.1), tmp_path / "run"
    with pytest.raises(ArgumentError, match="budget"), unstuck.watch(MODEL, optimizer, out=folder, budget=2.0):
        raise AssertionError("not reached")
    assert not folder.exists()
