from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from unstuck.record import Evidence, Finding, Run, RunWriter, signals
from unstuck.record.facts import Model, Optimizer, Parameter
from unstuck.rules import Rule, judge


@dataclass(frozen=True, kw_only=True)
class Climbs(Rule):
    """Fires where the loss ends above its start; surer, the more."""

    code, name, cause, needs = "O201", "climbs", "lr-too-high", (signals.LOSS,)

    def check(self, run: Run) -> Iterator[Finding]:
        values = run.series(signals.LOSS).values
        if values[-1] > values[0]:
            proof = (Evidence(signal="loss", value=float(values[-1]), threshold=float(values[0])),)
            yield self.finding("climbs", "a", severity="error", confidence=0.1 * float(values[-1]), evidence=proof)


def judged(folder: Path, ends: list[float], *, widths: list[int] | None = None) -> tuple[Finding, ...]:
    with RunWriter(folder) as writer:
        for stream, end in enumerate(ends):
            width = 8 if widths is None else widths[stream]
            writer.state(Model(type="Net", parameters=(Parameter(name="weight", shape=(width, 3)),)), stream=stream)
            writer.state(Optimizer(type="Adam", file="folds.py", line=9), stream=stream)
            for step in range(20):
                writer.add(signals.LOSS, step, 1.0 if step < 19 else end, stream=stream)
    with Run.open(folder) as run:
        return judge(run, rules=(Climbs(),)).findings


def test_what_is_found_in_several_folds_is_said_once_of_the_surest(tmp_path: Path) -> None:
    (found,) = judged(tmp_path / "a", [5.0, 0.5, 8.0, 0.5, 2.0])
    assert found.summary == "climbs (in 3 of 5 similar trainings)"
    assert found.confidence == 0.8
    assert str(found.where) == "Net, folds.py:9, the 3rd of 5"


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ([0.5, 5.0], "in 1 of 2 similar trainings"),
        ([5.0, 5.0], "in both similar trainings"),
        ([5.0, 5.0, 6.0], "in all 3 similar trainings"),
    ],
)
def test_it_is_said_in_how_many(tmp_path: Path, ends: list[float], words: str) -> None:
    (found,) = judged(tmp_path, ends)
    assert found.summary == f"climbs ({words})"


def test_models_of_another_shape_are_said_apart(tmp_path: Path) -> None:
    found = judged(tmp_path / "a", [5.0, 8.0], widths=[8, 9])
    assert [finding.summary for finding in found] == ["climbs", "climbs"]


def test_one_training_is_said_as_it_is(tmp_path: Path) -> None:
    (found,) = judged(tmp_path / "a", [5.0])
    assert found.summary == "climbs"
    assert judged(tmp_path / "b", [0.5, 0.5]) == ()
