"""Products of log-probabilities with weights of examples are none of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.learning.policies import acts, of_policy
from unstuck.record.facts import ActorLoss, Fact, PolicyTerm
from unstuck.testing.rules import record

WEIGHTS: dict[str, Any] = {"raised": True, "lowest": 0.0, "highest": 1.0, "names": ("ce", "mask")}


def term(**known: Any) -> PolicyTerm:
    return PolicyTerm(step=0, **{**WEIGHTS, **known})


@pytest.mark.parametrize(
    ("terms", "policy"),
    [
        ([term()], False),
        ([term(), term(lowest=-0.5)], True),
        ([term(lowest=-2.0, highest=-1.0)], False),
        ([term(lowest=-2.0, highest=-1.0), term(highest=3.0)], True),  # one episode was bad, another good
        ([term(names=("log_prob", "returns"))], True),
        ([term(names=("return_value", "scores"))], False),
        ([], False),
    ],
)
def test_a_policy_is_known_by_the_signs_or_the_name_of_its_weights(terms: list[PolicyTerm], policy: bool) -> None:
    assert of_policy(terms) == policy


@pytest.mark.parametrize(
    ("fact", "expected"),
    [(ActorLoss(step=0, raised=True), True), (term(lowest=-1.0), True), (term(), False)],
)
def test_actors_and_policies_act(tmp_path: Path, fact: Fact, expected: bool) -> None:
    with record(tmp_path, facts=[fact]) as run:
        assert acts(run) is expected
