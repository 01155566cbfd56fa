from __future__ import annotations

from pathlib import Path

from unstuck.observe.blind_spots import COMPILED
from unstuck.record.facts import Event
from unstuck.remedies.obstacles import compiled
from unstuck.testing.rules import record


def test_compiled_code_is_an_obstacle(tmp_path: Path) -> None:
    with record(tmp_path / "compiled", facts=[Event(step=0, what=COMPILED, blinds=True)]) as run:
        assert "compiled" in str(compiled(run))
    with record(tmp_path / "plain") as run:
        assert compiled(run) is None
