"""The verdict becomes plain JSON, and says what --strict counts."""

from __future__ import annotations

import json

import pytest

from unstuck.record import Evidence, Figure, Finding, Learnt, TrainingName, Verdict, VerdictKind
from unstuck.record.verdict import KINDS


def finding(severity):
    evidence = (Evidence(signal="loss", value=float("nan"), threshold=float("inf")),)
    return Finding(
        code="O201", cause="lr-too-high", severity=severity, confidence=0.9, summary="s", advice="a", evidence=evidence
    )


def test_json_has_no_nan_and_says_all():
    learnt = Learnt(
        training=TrainingName(variable="net"),
        kind="findings",
        shown="not learnt",
        figures=(Figure(what="loss", value=float("inf"), unit="loss"),),
    )
    verdict = Verdict(
        kind="findings",
        headline="1 problem was found.",
        learning=(learnt,),
        findings=(finding("error"),),
        cost={"share": float("nan")},
    )
    plain = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert plain["schema"] == 2
    assert plain["findings"][0]["evidence"][0]["value"] is None
    assert plain["learning"][0]["figures"][0]["value"] is None
    assert plain["learning"][0]["name"] == "`net`"
    assert set(plain) == {
        "schema", "verdict", "headline", "learning", "findings", "clear", "not_evaluated", "cost", "gaps", "ended",
        "throws",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_strict_counts_what_did_not_learn(kind: VerdictKind):
    assert Verdict(kind=kind).failed == (kind == "not learnt")


@pytest.mark.parametrize(("severity", "failed"), [("error", True), ("warning", False), ("note", False)])
def test_strict_counts_errors(severity, failed):
    assert Verdict(kind="findings", findings=(finding(severity),)).failed == failed
