from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import random

import pytest

from unstuck.record import Evidence, Finding, Run, signals
from unstuck.rules import Rule
from unstuck.rules.explain import HEADINGS
from unstuck.testing.rules import RuleContract, record

SECTIONS = "High loss.\n\n" + "\n\n".join(f"{heading}:\n    Text." for heading in HEADINGS)


@dataclass(frozen=True, kw_only=True)
class Good(Rule):
    code, name, cause, needs = "O999", "loss high", "lr-too-high", (signals.LOSS,)
    bound: float = 5.0  #: our choice

    def check(self, run: Run) -> Iterator[Finding]:
        values = run.series(signals.LOSS).values
        if len(values) and values.max() > self.bound:
            proof = (Evidence(signal="loss", value=float(values.max()), threshold=self.bound),)
            yield self.finding("high", "lower it", severity="error", confidence=0.5, evidence=proof)


Good.__doc__ = SECTIONS


@dataclass(frozen=True, kw_only=True)
class Careless(Good):
    code, cause = "X1", "bad-luck"
    undocumented: float = 1.0

    def check(self, run: Run) -> Iterator[Finding]:
        proof = (Evidence(signal="loss", value=random()),)
        yield self.finding("", "", severity="error", confidence=0.5, evidence=proof, cause="lr-too-high")


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[Run]:
    with record(tmp_path / "sick", series={signals.LOSS: [2.0, 9.0]}) as run:
        yield run


@pytest.fixture
def healthy(tmp_path: Path) -> Iterator[Run]:
    with record(tmp_path / "healthy", series={signals.LOSS: [2.0, 1.0]}) as run:
        yield run


class TestGood(RuleContract):
    rule = Good()
    rules = (Good(),)


def contract(rule: Rule) -> RuleContract:
    suite = RuleContract()
    suite.rule, suite.rules = rule, (rule,)
    return suite


def test_a_careless_rule_breaks_the_contract_everywhere(sick: Run, healthy: Run, tmp_path: Path) -> None:
    suite = contract(Careless())
    with pytest.raises(AssertionError, match="code 'X1'"):
        suite.test_declares_itself()
    with pytest.raises(Exception, match=r"lacks Detects|lacks a '#"):
        suite.test_documents_itself()
    with pytest.raises(AssertionError):
        suite.test_fires_on_the_sick_run(sick)
    with pytest.raises(AssertionError):
        suite.test_is_silent_on_the_healthy_run(healthy)
    with pytest.raises(AssertionError):
        suite.test_is_pure(sick, healthy)
    with pytest.raises(AssertionError):
        suite.test_survives_an_empty_run(tmp_path)


def test_a_silent_rule_breaks_it_on_the_sick_run(sick: Run) -> None:
    with pytest.raises(AssertionError, match="silent on the sick run"):
        contract(Good(bound=100.0)).test_fires_on_the_sick_run(sick)


def test_tables_and_steps_are_written_as_given(tmp_path: Path) -> None:
    tables = {signals.UPDATE_RATIO: {"a": [1.0, 2.0], "b": [3.0, 4.0]}}
    with record(tmp_path / "r", tables=tables, steps={signals.UPDATE_RATIO: [5, 9]}) as run:
        table = run.table(signals.UPDATE_RATIO)
    assert table.names == ("a", "b")
    assert table.steps.tolist() == [5, 9]
    assert table.values.tolist() == [[1.0, 3.0], [2.0, 4.0]]
