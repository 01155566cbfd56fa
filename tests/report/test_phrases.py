from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.record import Confirmation, Evidence, Finding, Verdict
from unstuck.record.facts import End, Event, Fact, Unread, Unwatched
from unstuck.record.finding import VerdictKind
from unstuck.report import phrases
from unstuck.report.wording import ENGLISH
from unstuck.rules import RULES
from unstuck.testing.rules import record


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_its_first_digits(value: float) -> None:
    text = phrases.number(value)
    assert len(text) <= 10
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.006)


def test_numbers_that_are_none() -> None:
    assert [phrases.number(v) for v in (math.nan, math.inf, -math.inf)] == ["NaN", "infinity", "-infinity"]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Evidence(signal="update_ratio", value=1e-6, threshold=1e-4), "update ratio 1e-6, below 1e-4"),
        (Evidence(signal="loss", value=math.nan, steps=(7, 7)), "loss NaN, step 7"),
        (Evidence(signal="loss", value=math.nan, threshold=2.0), "loss NaN, bound 2"),
        (Evidence(signal="loss", value=2.0, threshold=2.0), "loss 2, at the bound"),
        (Evidence(signal="loss", value=3.0, threshold=2.0, note="twice"), "loss 3, above 2 (twice)"),
    ],
)
def test_evidence_names_signal_value_bound_and_steps(item: Evidence, text: str) -> None:
    assert phrases.evidence(item, ENGLISH) == text


@given(st.floats(0, 1))
def test_every_confidence_has_words_and_its_number(value: float) -> None:
    assert phrases.confidence(value, ENGLISH).endswith(f"({round(100 * value)}%)")


def test_more_confidence_never_sounds_less_sure() -> None:
    order = ["a guess", "possible", "likely", "very likely", "almost certain"]
    said = [phrases.confidence(p / 100, ENGLISH).rpartition(" (")[0] for p in range(101)]
    assert [order.index(words) for words in said] == sorted(order.index(words) for words in said)
    assert set(said) == set(order)


def test_an_experiment_is_told_with_both_figures() -> None:
    tried = Confirmation(remedy="rate × 0.1", metric="loss after 200 steps", before=2.3, after=0.4)
    finding = Finding(
        code="O201", cause="lr-too-high", severity="error", confidence=1, summary="s", advice="a", confirmed=tried
    )
    assert phrases.confirmation(finding, ENGLISH) == "rate × 0.1: loss after 200 steps went from 2.3 to 0.4"


def test_notes_are_no_problems(tmp_path: Path) -> None:
    run = record(tmp_path)
    note = Finding(code="X", cause="overfitting", severity="note", confidence=1, summary="s", advice="a")
    assert "nothing wrong" in phrases.headline(Verdict(kind="healthy", findings=(note,)), run, ENGLISH)
    error = Finding(code="Y", cause="overfitting", severity="error", confidence=1, summary="s", advice="a")
    assert phrases.headline(Verdict(kind="findings", findings=(error, note)), run, ENGLISH) == "1 problem was found."


def test_reasons_are_grouped_the_commonest_first() -> None:
    groups = phrases.unevaluated({"A": "short", "B": "long", "C": "long"})
    assert [(group.reason, group.codes) for group in groups] == [("long", ("B", "C")), ("short", ("A",))]


def test_rules_go_by_their_name() -> None:
    assert all(phrases.rule_name(rule.code) == rule.name for rule in RULES)
    assert phrases.rule_name("Z999") == "Z999"


@pytest.mark.parametrize(
    ("seconds", "share", "words"),
    [(1.3, 0.46, "of a training of 2.83 s"), (1.3, 0.02, "2.0% of the training time"), (9.0, 0.1, "10.0% of the")],
)
def test_the_cost_of_a_short_training_is_told_in_seconds(seconds: float, share: float, words: str) -> None:
    cost = {"seconds": seconds, "share": share, "sampled_steps": 20.0, "steps": 100.0}
    assert words in phrases.cost(Verdict(kind="healthy", cost=cost), ENGLISH)


def test_unknown_cost_is_said_to_be_unknown() -> None:
    assert "not recorded" in phrases.cost(Verdict(kind="healthy"), ENGLISH)


def test_a_program_that_crashed_is_not_called_healthy(tmp_path: Path) -> None:
    for reason, word in (("crashed", "error"), ("interrupted", "so far"), ("completed", "Healthy: nothing")):
        run = record(tmp_path / reason, facts=[End(reason=reason, steps=5)])
        assert word in phrases.headline(Verdict(kind="healthy", findings=()), run, ENGLISH)


@pytest.mark.parametrize(
    ("kind", "rest"), [("healthy", "Nothing wrong"), ("not enough data", ""), ("findings", "0 prob")]
)
def test_that_watching_ended_is_the_first_thing_said(kind: VerdictKind, rest: str, tmp_path: Path) -> None:
    ended = Event(step=0, what="watching ended: RuntimeError: no such hook", blinds=True)
    with record(tmp_path, facts=[ended, End(reason="completed", steps=5)]) as run:
        said = phrases.headline(Verdict(kind=kind, reason=phrases.watching_ended(run)), run, ENGLISH)
        assert "watching ended: RuntimeError: no such hook" in said
        assert rest in said.partition("no such hook")[2]


@pytest.mark.parametrize("reason", ["completed", "interrupted"])
@pytest.mark.parametrize(
    "lost",
    [
        [Unread(step=12, collector="Inputs", error="RuntimeError: no storage")],
        [Unwatched(trainings=3, reason="the time budget was used up")],
        [Event(step=0, what="compiled code is not seen", blinds=True)],
    ],
)
def test_what_was_not_seen_whole_is_not_called_healthy(
    lost: list[Fact], reason: Literal["completed", "interrupted"], tmp_path: Path
) -> None:
    with record(tmp_path, facts=[*lost, End(reason=reason, steps=5)]) as run:
        assert phrases.headline(Verdict(kind="healthy"), run, ENGLISH) == (
            "Nothing wrong was found in what could be seen."
        )


def test_a_training_whose_backward_passes_were_not_recorded_is_not_called_healthy(tmp_path: Path) -> None:
    end = End(reason="completed", steps=5, backward_passes=50, unrecorded=45)
    with record(tmp_path, facts=[end]) as run:
        assert "Healthy" not in phrases.headline(Verdict(kind="healthy"), run, ENGLISH)
