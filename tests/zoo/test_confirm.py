"""The figures of trials on the zoo, from results that are given, and one script from its run to its trials."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.zoo.cases import Case
from tests.zoo.confirm import Confirmed, confirmed, summary
from unstuck.confirm import Bounds, Trial
from unstuck.confirm.trial import Ended, Plan
from unstuck.record import Confirmation, Finding

SICK = Case("lr-too-high/digits.patch", "own")
HEALTHY = Case("healthy/digits.py", "own")

PROOF = Confirmation(
    remedy="with the rate at 0.1",
    metric="loss",
    before=2.3,
    after=0.1,
    noise=0.01,
    seeds=3,
    agree=3,
    steps=300,
    helped=True,
)


def found(cause: str, *, proof: Confirmation | None = None, severity: str = "error") -> Finding:
    return Finding(
        code="O201", cause=cause, severity=severity, confidence=0.8, summary="", advice="", confirmed=proof
    )  # fmt: skip


def trial(name: str, *, causes: tuple[str, ...] = (), seconds: float = 1.0) -> Trial:
    changes = (("learning-rate", {"rate": 0.1}),) if causes else ()
    plan = Plan(name=name, changes=changes, causes=causes)
    return Trial(folder=Path(name), plan=plan, ended=Ended(how="bound", seconds=seconds))


TRIALS = (trial("control"), trial("rate", causes=("lr-too-high",), seconds=3.0))


def test_a_true_finding_with_a_remedy_counts_as_confirmed_or_not() -> None:
    before = (found("lr-too-high"),)
    proved = Confirmed(SICK, before, (found("lr-too-high", proof=PROOF),), TRIALS)
    unproved = Confirmed(SICK, before, before, TRIALS)
    untried = Confirmed(SICK, before, before, TRIALS[:1])
    assert "true, confirmed: 1 of 2 = 50.0%" in summary([proved, unproved, untried])


def test_a_finding_of_which_nothing_tells_what_its_remedy_did_is_counted_by_itself() -> None:
    before = (found("lr-too-high"),)
    text = summary([Confirmed(SICK, before, before, TRIALS, untold=frozenset({"lr-too-high"}))])
    assert "true, confirmed: 0 of 0" in text
    assert "nothing tells what it did: 1" in text


def test_a_false_finding_is_counted_by_itself() -> None:
    wrong = Confirmed(HEALTHY, (), (found("lr-too-high", proof=PROOF),), TRIALS)
    text = summary([wrong])
    assert "false, confirmed: 1 of 1" in text
    assert "healthy scripts with a finding before: 0 of 1" in text
    assert "healthy scripts with a finding after: 1 of 1" in text


def test_a_note_is_no_finding_of_a_healthy_script_but_may_be_the_first_of_a_sick_one() -> None:
    note = (found("lr-too-high", severity="note"),)
    text = summary([Confirmed(HEALTHY, note, note), Confirmed(SICK, note, note)])
    assert "healthy scripts with a finding after: 0 of 1" in text
    assert "first finding right after: 1 of 1" in text


def test_the_first_finding_is_what_counts_before_and_after() -> None:
    wrong, right = found("lr-too-low"), found("lr-too-high", proof=PROOF)
    text = summary([Confirmed(SICK, (wrong, right), (right, wrong), TRIALS), Confirmed(SICK)])
    assert "first finding right before: 0 of 2" in text
    assert "first finding right after: 1 of 2" in text


def test_time_is_in_units_of_the_control() -> None:
    assert Confirmed(SICK, trials=TRIALS).ratio == 4.0
    assert math.isnan(Confirmed(SICK).ratio)
    assert "4.0 (median)" in summary([Confirmed(SICK, trials=TRIALS)])


@pytest.mark.slow
def test_a_script_of_the_zoo_is_run_judged_and_tried(tmp_path: Path) -> None:
    case = Case("loss-broadcast/engine_rul.patch", "own")
    one = confirmed(case, seed=0, runs=tmp_path, bounds=Bounds(minutes=0.5, jobs=1))
    assert one.after[0].cause == "loss-broadcast"
    assert one.after[0].confirmed is not None
    again = confirmed(case, seed=0, runs=tmp_path, bounds=Bounds(minutes=0.5, jobs=1), try_more=False)
    assert str(again) == str(one)
