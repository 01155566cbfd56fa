from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.json_schema import violations
from tests.rules.trainings import SQUARES, falls, trained, write
from unstuck.learning.game import IN_A_GAME
from unstuck.record import Evidence, Finding, NotEvaluated, Run, RunWriter, Severity, Verdict, signals
from unstuck.record.facts import End, Event, Fact, Graph, Model, Optimizer, Span, Unread, Unwatched
from unstuck.record.json_schema import shipped_schema
from unstuck.rules import Rule, judge

FLAT, LEARNT = falls(1.0, 1.0), falls(1.0, 0.02)


@dataclass(frozen=True, kw_only=True)
class Says(Rule):
    """Says what it is told to."""

    code, name, cause, needs = "O201", "says", "lr-too-high", (signals.LOSS,)
    severity: Severity = "error"

    def check(self, run: Run) -> Iterator[Finding]:
        proof = (Evidence(signal="loss", value=1.0),)
        yield self.finding("it bounces", "a", severity=self.severity, confidence=0.6, evidence=proof)


class Blind(Says):
    code = "O202"

    def check(self, run: Run) -> Iterator[NotEvaluated]:  # type: ignore[override]
        yield NotEvaluated(reason="nothing was seen")


class Clear(Says):
    code = "O203"

    def check(self, run: Run) -> Iterator[Finding]:
        return iter(())


def judged(folder: Path, losses, *facts: Fact, rules=(), known: dict[str, str] | None = None, **more) -> Verdict:
    with trained(folder, losses, *facts, **more) as run:
        verdict = judge(run, rules, **(known or {}))
    schema = shipped_schema()
    assert not list(violations(verdict.to_dict(), schema, schema))
    return verdict


@pytest.mark.parametrize(
    ("losses", "facts", "kind", "opening"),
    [
        (LEARNT, [SQUARES], "healthy", "It learns: loss 0.0199 where a guess has 1."),
        (falls(1.0, 0.5), [SQUARES], "improvable", "It learns in part: loss 0.498 where a guess has 1."),
        (FLAT, [SQUARES], "not learnt", "It did not learn: after 300 steps the loss is that of a constant guess"),
        (LEARNT, [], "cannot be told", "Whether it learnt cannot be told: "),
        (LEARNT[:4], [SQUARES], "not enough data", "Not enough data for a verdict: only 4 training steps"),
        ([1.0, 5.0, 1e9, 1e30], [SQUARES], "not learnt", "It did not learn: after 4 steps the loss has risen to 1e30"),
    ],
)
def test_each_kind(tmp_path, losses, facts, kind, opening) -> None:
    verdict = judged(tmp_path, losses, *facts)
    assert verdict.kind == kind
    assert verdict.headline.startswith(opening)
    assert [(own.kind, own.shown) for own in verdict.learning] == [(kind, kind)]


@pytest.mark.parametrize("losses", [LEARNT, FLAT, LEARNT[:4]])
def test_a_named_cause_makes_findings_and_what_is_shown_stays(tmp_path, losses) -> None:
    plain = judged(tmp_path / "a", losses, SQUARES)
    verdict = judged(tmp_path / "b", losses, SQUARES, rules=(Says(),))
    assert (verdict.kind, verdict.headline) == ("findings", "1 problem was found.")
    assert [(own.kind, own.shown) for own in verdict.learning] == [("findings", plain.kind)]


@pytest.mark.parametrize(
    ("losses", "kind"), [(LEARNT, "healthy"), (falls(1.0, 0.5), "improvable"), (FLAT, "not learnt")]
)
def test_a_note_makes_none(tmp_path, losses, kind) -> None:
    verdict = judged(tmp_path, losses, SQUARES, rules=(Says(severity="note"),))
    assert verdict.kind == kind
    assert ("likely to hold it back: it bounces (O201)" in verdict.headline) == (kind != "healthy")


def test_that_watching_ended_leaves_it_untold_except_for_what_was_found(tmp_path) -> None:
    ended = Event(step=9, what="watching ended: RuntimeError: no such hook", blinds=True)
    verdict = judged(tmp_path / "a", LEARNT, SQUARES, ended)
    assert verdict.kind == "cannot be told"
    assert "RuntimeError: no such hook" in verdict.headline
    found = judged(tmp_path / "b", LEARNT, SQUARES, ended, rules=(Says(),))
    assert found.headline == "watching ended: RuntimeError: no such hook. 1 problem was found."
    told = judged(tmp_path / "c", LEARNT, SQUARES, known={"failure": "watching ended: OSError"})
    assert (told.kind, "OSError" in told.headline) == ("cannot be told", True)


def test_a_caller_may_know_better_why_nothing_was_trained(tmp_path) -> None:
    why = {"nothing": "the script made no optimizer"}
    assert judged(tmp_path / "a", [], known=why).headline.endswith("verdict: the script made no optimizer.")
    assert judged(tmp_path / "b", LEARNT, SQUARES, known=why).kind == "healthy"


@pytest.mark.parametrize(("blind", "kind"), [(2, "healthy"), (3, "cannot be told")])
def test_where_most_checks_could_not_be_made_silence_says_nothing(tmp_path, blind, kind) -> None:
    rules = (Clear(), *(type(f"O50{i}", (Blind,), {"code": f"O50{i}"})() for i in range(blind)))
    verdict = judged(tmp_path, LEARNT, SQUARES, rules=rules)
    assert verdict.kind == kind
    assert (f"only 1 of {1 + blind} checks could be made" in verdict.headline) == (kind != "healthy")


@pytest.mark.parametrize(("lost", "kind"), [(40, "healthy"), (60, "cannot be told")])
def test_of_too_few_backward_passes_nothing_can_be_told(tmp_path, lost, kind) -> None:
    end = End(reason="completed", steps=300, backward_passes=100, unrecorded=lost)
    assert judged(tmp_path, LEARNT, SQUARES, end).kind == kind


@pytest.mark.parametrize(("missed", "kind"), [(1, "healthy"), (2, "cannot be told")])
def test_of_too_few_trainings_nothing_can_be_told(tmp_path, missed, kind) -> None:
    verdict = judged(tmp_path, LEARNT, SQUARES, Unwatched(trainings=missed, reason="the time budget was used up"))
    assert verdict.kind == kind
    assert f"{missed} of {1 + missed} trainings" in verdict.gaps[0]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ([End(reason="completed", steps=300)], "Nothing wrong was found."),
        ([End(reason="crashed", steps=300)], "until the program ended with an error."),
        ([End(reason="interrupted", steps=300)], "until training was interrupted."),
        ([Unread(step=12, collector="Inputs", error="E"), End(reason="interrupted", steps=300)], "could be seen."),
    ],
)
def test_how_it_ended_and_what_was_missed_is_said(tmp_path, facts, words) -> None:
    assert judged(tmp_path, LEARNT, SQUARES, *facts).headline.endswith(words)


def several(
    folder: Path, *trainings: np.ndarray, lines: tuple[int, ...] = (), at_once: bool = False, through: bool = False
) -> Verdict:
    with RunWriter(folder) as writer:
        for stream, losses in enumerate(trainings):
            line = lines[stream] if lines else 7
            own = [Model(type="Net", variable="net"), Optimizer(type="Adam", file="folds.py", line=line), SQUARES]
            own.append(Graph(step=0, through_others=through))
            began = 0.0 if at_once else float(stream)
            write(writer, losses, *own, Span(began=began, ended=began + 1.0, thread=1), stream=stream)
    with Run.open(folder) as run:
        return judge(run, ())


def test_of_several_trainings_the_worst_is_the_verdict(tmp_path) -> None:
    verdict = several(tmp_path, LEARNT, FLAT, LEARNT)
    assert verdict.kind == "not learnt"
    assert verdict.headline.startswith("1 of 3 trainings (`net`, folds.py:7, the 2nd of 3) did not learn: ")
    assert [str(own.training) for own in verdict.learning][2] == "`net`, folds.py:7, the 3rd of 3"
    assert [own.kind for own in verdict.learning] == ["healthy", "not learnt", "healthy"]


def test_a_training_that_was_too_short_spoils_no_other(tmp_path) -> None:
    assert several(tmp_path / "a", LEARNT, LEARNT[:3]).kind == "healthy"
    assert several(tmp_path / "b", LEARNT[:3], LEARNT[:3]).kind == "not enough data"


def test_trainings_whose_losses_lead_through_each_other_cannot_be_told(tmp_path) -> None:
    said = several(tmp_path / "game", LEARNT, FLAT, at_once=True, through=True)
    assert (said.kind, said.learning[0].reason) == ("cannot be told", IN_A_GAME)
    assert several(tmp_path / "apart", LEARNT, LEARNT * 0.99, through=True).kind == "healthy"
    assert several(tmp_path / "one-loss", LEARNT, LEARNT, at_once=True, through=True).kind == "healthy"


def test_trainings_at_the_same_time_that_no_graph_joins_are_judged_each_by_its_own_loss(tmp_path) -> None:
    assert several(tmp_path / "both", LEARNT, LEARNT * 0.99, lines=(7, 8), at_once=True).kind == "healthy"
    assert several(tmp_path / "one", LEARNT, FLAT, lines=(7, 8), at_once=True).kind == "not learnt"
