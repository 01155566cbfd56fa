"""The schema that the package ships is that of the dataclasses, and the JSON of verdicts obeys it."""

from __future__ import annotations

import pytest

from tests.json_schema import violations
from unstuck.record import Confirmation, Evidence, Figure, Finding, Learnt, TrainingName, Verdict, Where
from unstuck.record.json_schema import made_schema, shipped_schema
from unstuck.record.verdict import KINDS

NAME = TrainingName(variable="net", file="train.py", line=3)
DEEP = Finding(
    code="O201",
    cause="lr-too-high",
    severity="error",
    confidence=0.9,
    summary="s",
    advice="a",
    where=Where(module="0", training=NAME),
    evidence=(Evidence(signal="loss", value=float("nan"), threshold=1.0, steps=(0, 9)),),
    symptoms=(Finding(code="G101", cause="lr-too-high", severity="note", confidence=0.1, summary="s", advice="a"),),
    confirmed=Confirmation(remedy="r", metric="m", before=1.0, after=float("inf")),
)
LEARNT = Learnt(
    training=NAME, kind="findings", shown="healthy", figures=(Figure(what="loss", value=1.0, unit="loss", guess=2.0),)
)


def test_what_is_shipped_is_what_the_dataclasses_give():
    assert shipped_schema() == made_schema(), "python -m unstuck.record.json_schema > .../verdict.schema.json"


@pytest.mark.parametrize("kind", KINDS)
def test_a_verdict_of_any_kind_obeys_it(kind):
    verdict = Verdict(kind=kind, headline="h", learning=(LEARNT,), findings=(DEEP,), cost={"share": float("nan")})
    schema = shipped_schema()
    assert list(violations(verdict.to_dict(), schema, schema)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 1},
        {"verdict": "fine"},
        {"learning": [{}]},
        {"findings": "none"},
        {"clear": [1]},
        {"not_evaluated": {"O201": 3}},
        {"more": 1},
    ],
)
def test_anything_else_does_not(change):
    schema = shipped_schema()
    plain = Verdict(kind="healthy").to_dict() | change
    assert list(violations(plain, schema, schema))


def test_a_key_that_is_missing_is_missed():
    schema = shipped_schema()
    plain = Verdict(kind="healthy").to_dict()
    del plain["headline"]
    assert list(violations(plain, schema, schema)) == ["$: headline is missing"]
