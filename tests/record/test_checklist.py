import json
import math

import pytest

from unstuck.record.checklist import Check, Checklist

GOOD = Check(code="P101", name="data", status="passed", reason="fine", value=math.nan)
SKIPPED = Check(code="P104", name="penalty", status="skipped", reason="there is none")
BAD = Check(
    code="P109",
    name="gradients",
    status="failed",
    reason="wrong at [0]",
    value=0.5,
    advice="derive",
    cause="gradient-wrong",
)


def test_the_json_is_that_of_a_verdict_with_the_checks() -> None:
    plain = json.loads(json.dumps(Checklist((GOOD, SKIPPED, BAD)).to_dict(), allow_nan=False))
    assert plain["verdict"] == "findings"
    assert plain["findings"][0]["cause"] == "gradient-wrong"
    assert plain["clear"] == ["P101"]
    assert plain["not_evaluated"] == {"P104": "there is none"}
    assert plain["checks"][0]["value"] is None


def test_it_prints_ticks_and_crosses() -> None:
    lines = str(Checklist((GOOD, SKIPPED, BAD))).splitlines()
    assert [line[0] for line in lines[:3]] == ["✔", "·", "✖"]
    assert "→ derive" in lines[3]


def test_checks_are_found_by_name() -> None:
    checklist = Checklist((GOOD, BAD))
    assert checklist["data"] is GOOD
    assert not checklist.ok
    with pytest.raises(KeyError):
        checklist["nothing"]
