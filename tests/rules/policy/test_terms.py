"""Products of log-probabilities with weights of examples are none of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record.facts import PolicyEntropy, PolicyTerm
from unstuck.rules.policy.advantage_trained import AdvantageTrained
from unstuck.rules.policy.entropy_lowered import EntropyLowered
from unstuck.rules.policy.terms import gains, terms_by_place
from unstuck.rules.shown import shown
from unstuck.testing.rules import outcome

WEIGHTS: dict[str, Any] = {"raised": True, "lowest": 0.0, "highest": 1.0, "names": ("ce", "mask")}


def term(**known: Any) -> PolicyTerm:
    return PolicyTerm(step=0, **{**WEIGHTS, **known})


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
