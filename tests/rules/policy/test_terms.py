"""Products of log-probabilities with weights of examples are none of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record.facts import PolicyEntropy, PolicyTerm
from unstuck.rules.policy.advantage_trained import AdvantageTrained
from unstuck.rules.policy.entropy_lowered import EntropyLowered
from unstuck.rules.policy.terms import gains, of_policy, terms_by_place
from unstuck.rules.shown import shown
from unstuck.testing.rules import outcome

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


def test_costs_are_no_gains() -> None:
    assert gains(term(names=("G",)))
    assert not gains(term(names=("G", "path_cost")))


def test_terms_are_gathered_by_their_line() -> None:
    known = [term(line=3), term(line=5), term(line=3)]
    assert {place: len(found) for place, found in terms_by_place(known).items()} == {(None, 3): 2, (None, 5): 1}


def test_weights_of_examples_leave_the_yardstick_and_raise_no_finding(tmp_path: Path) -> None:
    entropy = [PolicyEntropy(step=step, entropy=0.5, most=1.1, raised=False) for step in range(6)]
    with run_of(tmp_path / "run", *entropy, **WEIGHTS, gradient=True) as run:
        assert not outcome(AdvantageTrained(), run)
        assert not outcome(EntropyLowered(), run)
        assert "policy" not in shown(run).reason
