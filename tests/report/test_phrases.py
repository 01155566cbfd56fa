from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.record import Confirmation, Evidence, Finding, Learnt, TrainingName, Verdict
from unstuck.report import phrases
from unstuck.report.wording import ENGLISH
from unstuck.rules import RULES


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


def tried(**confirmation: Confirmation) -> Finding:
    return Finding(
        code="O201", cause="lr-too-high", severity="error", confidence=1, summary="s", advice="a", **confirmation
    )


def test_an_experiment_is_told_with_both_figures() -> None:
    course = {"before": 2.3, "after": 0.4, "start": 2.3, "steps": 300}
    lower = Confirmation(remedy="with the rate at 0.1", metric="loss", seeds=2, agree=2, **course)
    said = phrases.confirmation(tried(confirmed=lower), ENGLISH)
    assert said == "with the rate at 0.1 the loss falls to 0.4 in 300 steps; unchanged it stays at 2.3 (2 of 2 seeds)"
    assert phrases.confirmation(tried(), ENGLISH) == ""
    assert phrases.confirmation(replace(tried(), undecided="not certain yet"), ENGLISH) == "not certain yet"


def test_an_experiment_that_speaks_against_a_finding_says_so() -> None:
    kept = Confirmation(
        remedy="without weight decay",
        metric="training accuracy",
        before=0.11,
        start=0.1,
        after=0.12,
        seeds=3,
        agree=1,
        steps=300,
        helped=False,
    )
    said = phrases.confirmation(tried(refuted=kept), ENGLISH)
    assert said == (
        "speaks against it: without weight decay the training accuracy stays at 12% in 300 steps; unchanged it stays "
        "at 11% (1 of 3 seeds)"
    )


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


def test_what_is_shown_is_said_beside_findings_alone() -> None:
    learnt = Learnt(training=TrainingName(), kind="findings", shown="not learnt", steps=9, reason="the loss has risen")
    assert phrases.learning(Verdict(kind="findings", learning=(learnt,))) == (
        "It did not learn: after 9 steps the loss has risen."
    )
    assert phrases.learning(Verdict(kind="healthy", learning=(learnt,))) == ""
    assert phrases.learning(Verdict(kind="findings")) == ""


@pytest.mark.parametrize(("named", "end"), [(True, "made."), (False, "made; --full lists them.")])
def test_checks_are_counted(named: bool, end: str) -> None:
    verdict = Verdict(kind="healthy", clear=("A", "B"), not_evaluated={"C": "why"})
    assert phrases.counts(verdict, ENGLISH, named=named) == f"2 checks found nothing, 1 could not be {end}"
    assert phrases.counts(Verdict(kind="healthy"), ENGLISH, named=named) == "No check could be made."
