"""Of thousands of trainings some of every kind are judged, so that what stands out is found, and it is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Evidence, Finding, Run, RunWriter, facts, signals
from unstuck.rules import Rule, judge
from unstuck.rules.choose import choose


@dataclass(frozen=True, kw_only=True)
class EndsHigh(Rule):
    """Fires where the loss ends above one."""

    code, name, cause, needs = "O201", "ends high", "lr-too-high", (signals.LOSS,)

    def check(self, run: Run) -> Iterator[Finding]:
        last = float(run.series(signals.LOSS).values[-1])
        if not last <= 1.0:
            yield self.finding(
                "it ends high", "a", severity="error", confidence=0.9, evidence=(Evidence(signal="loss", value=last),)
            )


ODD = {7: "diverged", 101: "not finite", 102: "stuck", 103: "other model", 104: "event", 105: "cut off"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 trainings alike, but for six."""
    folder = tmp_path_factory.mktemp("many")
    with RunWriter(folder) as writer:
        for stream in range(300):
            odd = ODD.get(stream)
            model = facts.Model(type="Other" if odd == "other model" else "Net")
            writer.state(model, stream=stream)
            writer.state(facts.Optimizer(type="SGD", file="t.py", line=3), stream=stream)
            losses = np.geomspace(1.0, {"diverged": 1e6, "stuck": 0.99}.get(odd or "", 0.01), 30)
            losses[-1] = np.nan if odd == "not finite" else losses[-1]
            writer.add_series(signals.LOSS, range(30), losses, stream=stream)
            if odd == "event":
                writer.state(facts.Event(step=3, what="a step was skipped"), stream=stream)
            if odd != "cut off":
                writer.state(facts.End(reason="completed", steps=30), stream=stream)
    return folder


def test_what_stands_out_is_among_the_chosen(folder: Path) -> None:
    with Run.open(folder) as run:
        chosen = [stream.number for stream in choose(run.snapshot().streams(), most=20)]
    assert set(ODD) <= set(chosen)
    assert len(chosen) == 20
    plain = [number for number in chosen if number not in ODD]
    assert (plain[0], plain[-1]) == (0, 299), "spread over the whole run"
    assert max(np.diff(plain)) < 50


def test_few_are_all_chosen(folder: Path) -> None:
    with Run.open(folder) as run:
        streams = run.snapshot().streams()
        assert choose(streams, most=300) == streams


def test_more_kinds_than_can_be_judged_are_spread_evenly(folder: Path) -> None:
    with Run.open(folder) as run:
        assert len(choose(run.snapshot().streams(), most=4)) == 4


def test_rare_kinds_are_taken_whole_before_common_ones(folder: Path) -> None:
    with Run.open(folder) as run:
        chosen = choose(run.snapshot().streams(), most=256)
    assert len(chosen) == 256
    assert Counter(stream.number in ODD for stream in chosen) == {False: 250, True: 6}


def test_the_verdict_says_that_not_all_were_judged(folder: Path) -> None:
    with Run.open(folder) as run:
        verdict = judge(run, (EndsHigh(),))
    assert len(verdict.findings) == 1
    assert verdict.findings[0].summary == "it ends high (in 2 of 255 similar trainings that were judged)"
    assert verdict.gaps[0].startswith("No end of 1 of 300 trainings was recorded")
    assert verdict.gaps[1].startswith("256 of 300 trainings were judged in full")
