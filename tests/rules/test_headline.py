from __future__ import annotations

import pytest

from unstuck.record import Figure, Finding, Learnt, Severity, TrainingName, VerdictKind
from unstuck.rules.headline import evidence, headline, learning_shown

NET = TrainingName(variable="net", file="train.py", line=12)
RIGHT = Figure(what="training accuracy", value=0.98, unit="share", guess=0.1)
FRESH = Figure(what="validation accuracy", value=0.97, unit="share", guess=0.1)
LOSS = Figure(what="loss", value=0.05, unit="loss", guess=2.3)


def learnt(kind: VerdictKind, *figures: Figure, reason: str = "", known: tuple[str, ...] = ()) -> Learnt:
    return Learnt(training=NET, kind=kind, shown=kind, figures=figures, steps=600, reason=reason, known=known)


def finding(severity: Severity, confidence: float, summary: str = "the rate is high") -> Finding:
    return Finding(
        code="O201", cause="lr-too-high", severity=severity, confidence=confidence, summary=summary, advice="a"
    )


def test_healthy_is_its_evidence() -> None:
    assert headline("healthy", [learnt("healthy", RIGHT, FRESH, LOSS)], []) == (
        "It learns: training accuracy 98%, validation 97% where the commonest class gives 10%; loss 0.05 where a guess "
        "has 2.3. Nothing wrong was found."
    )


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        ("whole", "Nothing wrong was found."),
        ("blind", "Nothing wrong was found in what could be seen."),
        ("crashed", "Nothing wrong was found until the program ended with an error."),
        ("interrupted", "Nothing wrong was found until training was interrupted."),
    ],
)
def test_how_much_was_seen_is_said(seen, end) -> None:
    assert headline("healthy", [learnt("healthy", LOSS)], [], seen=seen).endswith(end)


@pytest.mark.parametrize(
    ("notes", "end"),
    [
        ([], "Nothing wrong was found."),
        ([0.4], "Nothing wrong was found."),
        ([0.5], "One thing may hold it back: the rate is high (O201)."),
        ([0.6], "One thing is likely to hold it back: the rate is high (O201)."),
        ([0.8, 0.5], "2 things may hold it back, first: the rate is high (O201)."),
        ([0.8, 0.6, 0.3], "2 things are likely to hold it back, first: the rate is high (O201)."),
    ],
)
def test_improvable_names_what_is_likely_to_hold_it_back(notes, end) -> None:
    said = headline("improvable", [learnt("improvable", LOSS)], [finding("note", sure) for sure in notes])
    assert said == f"It learns in part: loss 0.05 where a guess has 2.3. {end}"


def test_not_learnt_says_after_how_long_and_what_is_known() -> None:
    flat = learnt("not learnt", LOSS, reason="the loss is that of a constant guess", known=("a is zero", "b is flat"))
    assert headline("not learnt", [flat], []) == (
        "It did not learn: after 600 steps the loss is that of a constant guess (loss 0.05 where a guess has 2.3). "
        "No rule names the cause; this is known: a is zero, b is flat."
    )
    assert headline("not learnt", [learnt("not learnt", reason="r")], [finding("note", 0.7)]).endswith(
        "No rule names the cause. One thing is likely to hold it back: the rate is high (O201)."
    )


def test_cannot_be_told_says_why_and_what_would_tell() -> None:
    said = headline("cannot be told", [learnt("cannot be told", reason="it is a game")], [])
    assert said.startswith("Whether it learnt cannot be told: it is a game. An evaluation ")
    ended = headline("cannot be told", [learnt("healthy", LOSS)], [], ended="watching ended: no hook.")
    assert ended == "Whether it learnt cannot be told: watching ended: no hook."


def test_too_little_data_says_why() -> None:
    few = learnt("not enough data", reason="only 3 steps were seen")
    assert headline("not enough data", [few], []) == "Not enough data for a verdict: only 3 steps were seen."


def test_findings_are_counted_without_notes() -> None:
    one = [finding("error", 0.9), finding("note", 0.9)]
    assert headline("findings", [learnt("findings")], one) == "1 problem was found."
    assert headline("findings", [learnt("findings")], [finding("warning", 0.9)] * 3) == (
        "3 problems were found; the first is the likeliest root cause."
    )
    said = headline("findings", [learnt("findings")], one, ended="watching ended: no hook")
    assert said == "watching ended: no hook. 1 problem was found."


def test_several_trainings_are_counted_the_worst_first() -> None:
    flat = learnt("not learnt", LOSS, reason="the loss has risen")
    said = headline("not learnt", [learnt("healthy", LOSS), flat, learnt("healthy", LOSS)], [])
    assert said.startswith(
        "1 of 3 trainings (`net`, train.py:12) did not learn: the loss has risen; loss 0.05 where a guess has 2.3. "
        "2 of 3 learn: loss 0.05 where a guess has 2.3. "
    )
    assert headline("healthy", [learnt("healthy", LOSS)] * 2, []).startswith("Both trainings learn: ")
    some = headline("healthy", [learnt("healthy", LOSS)] * 9, [], some=True)
    assert some.startswith("All 9 trainings that were watched learn: ")
    assert headline("healthy", [learnt("healthy", LOSS)] * 12, []).startswith("All 12 trainings learn: ")


def test_beside_findings_stands_what_was_shown() -> None:
    sick = Learnt(training=NET, kind="findings", shown="not learnt", steps=9, reason="the loss has risen")
    assert learning_shown([sick]) == "It did not learn: after 9 steps the loss has risen."
    assert learning_shown([sick, learnt("healthy", LOSS)]).startswith("1 of 2 trainings (`net`, train.py:12) did not")
    assert learning_shown([]) == ""


def test_figures_of_several_trainings_span_a_range() -> None:
    group = [
        learnt("healthy", Figure(what="training accuracy", value=value, unit="share"), LOSS) for value in (0.9, 0.95)
    ]
    assert evidence(group) == "training accuracy 90% to 95%; loss 0.05 where a guess has 2.3"
    assert evidence([learnt("healthy")]) == ""


@pytest.mark.parametrize("tells", [True, False])
def test_an_evaluation_is_asked_for_where_it_would_tell(tells: bool) -> None:
    said = headline("cannot be told", [learnt("cannot be told", reason="why")], [], evaluations_tell=tells)
    assert ("An evaluation" in said) is tells
