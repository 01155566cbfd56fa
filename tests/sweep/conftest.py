from __future__ import annotations

from pathlib import Path

import pytest

from tests.surfaces.conftest import browse
from tests.sweep.formula import SMALL
from unstuck.sweep import Space, read_space
from unstuck.sweep.study import Study

__all__ = ["browse"]


@pytest.fixture
def space() -> Space:
    return read_space("mlp", over=["optimizer.lr=1e-3..10", "optimizer.weight_decay=0, 1e-3..1e-1"], overrides=SMALL)


@pytest.fixture
def study(space: Space, tmp_path: Path) -> Study:
    return Study(space, tmp_path / "study.journal", how={"strategy": "test"})
