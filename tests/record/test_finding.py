"""Findings are checked when they are made, and become plain JSON."""

from __future__ import annotations

import json

import pytest

from unstuck.errors import ArgumentError
from unstuck.record import CAUSES, Evidence, Finding, Verdict, Where

FINDING = {
    "code": "O201",
    "cause": "lr-too-high",
    "severity": "error",
    "confidence": 0.9,
    "summary": "The loss climbs.",
    "advice": "Divide the rate by ten.",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [("cause", "bad-luck"), ("severity", "fatal"), ("confidence", 1.5), ("confidence", float("nan"))],
)
def test_an_impossible_finding_is_refused(field, value):
    with pytest.raises(ArgumentError, match=field):
        Finding(**{**FINDING, field: value})


def test_json_has_no_nan():
    evidence = Evidence(signal="loss", value=float("nan"), threshold=float("inf"))
    verdict = Verdict(
        kind="findings", findings=(Finding(**FINDING, evidence=(evidence,)),), cost={"share": float("nan")}
    )
    plain = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert plain["schema"] == 1
    assert plain["findings"][0]["evidence"][0]["value"] is None
    assert set(plain) == {"schema", "verdict", "reason", "gaps", "findings", "clear", "not_evaluated", "cost", "ended"}


def test_where_reads_from_the_finest_place():
    assert str(Where(module="a", parameter="a.weight", file="t.py", line=3)) == "a.weight, t.py:3"
    assert str(Where()) == ""


def test_every_cause_has_a_family_and_a_meaning():
    assert len(CAUSES) >= 37
    assert all(cause.family and cause.meaning for cause in CAUSES.values())
