from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.record import Evidence, Finding, NotEvaluated, Run, RunWriter, Severity, Where, signals
from unstuck.record.facts import Inputs, Model, Optimizer
from unstuck.record.finding import SEVERITIES
from unstuck.rules import Rule, judge
from unstuck.rules.engine import evaluate, rank
from unstuck.testing.rules import record


@dataclass(frozen=True, kw_only=True)
class Stated(Rule):
    """A rule that says what it is told to say."""

    needs = (signals.LOSS,)
    name = "stated"
    cause = "lr-too-high"
    severity: Severity = "error"
    confidence: float = 0.5
    where: Where | None = None

    def check(self, run: Run) -> Iterator[Finding]:
        proof = (Evidence(signal="loss", value=1.0),)
        yield self.finding(
            "s", "a", severity=self.severity, confidence=self.confidence, evidence=proof, where=self.where
        )


def stated(code: str, **fields: object) -> Stated:
    return type(code, (Stated,), {"code": code})(**fields)


def explained(table: Mapping[str, str]) -> Callable[[str, str], bool]:
    """By codes of causes, with the codes of their symptoms in one string."""
    return lambda cause, symptom: symptom in table.get(cause, "").split()


def ranked(run: Run, table: Mapping[str, str], *rules: Rule) -> list[tuple[str, list[str]]]:
    found = [finding for rule in rules for finding in rule.apply(run)]
    return [(f.code, [s.code for s in f.symptoms]) for f in rank(found, rules, explained(table))]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with record(tmp_path / "run", series={signals.LOSS: [1.0] * 20}) as opened:
        yield opened


def test_a_chain_of_explanations_ends_under_its_root(run: Run) -> None:
    table = {"D101": "O201", "O201": "G101"}
    rules = stated("D101"), stated("O201"), stated("G101", confidence=0.9)
    assert ranked(run, table, *rules) == [("D101", ["G101", "O201"])]


def test_a_symptom_goes_under_the_surest_of_its_causes(run: Run) -> None:
    table = {"D101": "O401", "O201": "O401"}
    rules = stated("D101"), stated("O201", confidence=0.9), stated("O401")
    assert ranked(run, table, *rules) == [("O201", ["O401"]), ("D101", [])]


def test_a_note_explains_no_harm(run: Run) -> None:
    rules = stated("D101", severity="note"), stated("O201"), stated("O202", severity="note")
    assert ranked(run, {"D101": "O201 O202"}, *rules) == [("O201", []), ("D101", ["O202"])]


def test_a_root_is_as_severe_as_what_it_explains(run: Run) -> None:
    rules = (stated("D101", severity="warning"), stated("O201"), stated("O202", severity="warning"))
    findings = [finding for rule in rules for finding in rule.apply(run)]
    roots = rank(findings, rules, explained({"D101": "O201"}))
    assert [(f.code, f.severity) for f in roots] == [("D101", "error"), ("O202", "warning")]


codes = [f"O{number}" for number in range(101, 109)]


@given(
    edges=st.sets(st.tuples(st.sampled_from(codes), st.sampled_from(codes)), max_size=24),
    severities=st.lists(st.sampled_from(SEVERITIES), min_size=8, max_size=8),
    beliefs=st.lists(st.sampled_from((0.3, 0.6, 0.9)), min_size=8, max_size=8),
)
def test_no_finding_is_ever_lost(edges: set[tuple[str, str]], severities: list[Severity], beliefs: list[float]) -> None:
    rules = tuple(
        stated(code, severity=severity, confidence=sure)
        for code, severity, sure in zip(codes, severities, beliefs, strict=True)
    )
    found = [next(iter(rule.check(None))) for rule in rules]  # type: ignore[arg-type]
    result = rank(found, rules, lambda cause, symptom: cause < symptom and (cause, symptom) in edges)
    flat = [code for finding in result for code in (finding.code, *(s.code for s in finding.symptoms))]
    assert sorted(flat) == codes
    notes = [finding.severity == "note" for finding in result]
    assert notes == sorted(notes), "notes last"
    beliefs = [finding.confidence for finding in result if finding.severity != "note"]
    assert beliefs == sorted(beliefs, reverse=True)
    assert min(severities, key=SEVERITIES.index) in {finding.severity for finding in result}


def test_a_rule_without_its_needs_says_why(run: Run) -> None:
    class Needs(Stated):
        code, needs = "D101", (Inputs,)

    assert evaluate(Needs(), run) == NotEvaluated(reason="no batch was seen to enter the model")
    assert judge(run, (Needs(),)).not_evaluated == {"D101": "no batch was seen to enter the model"}


def test_a_rule_that_fails_costs_only_itself(run: Run) -> None:
    class Fails(Stated):
        code = "D101"

        def check(self, run: Run) -> Iterator[Finding]:
            raise ZeroDivisionError("x / 0")

    verdict = judge(run, (Fails(), stated("O201")))
    assert verdict.not_evaluated == {"D101": "the rule itself failed (ZeroDivisionError: x / 0)"}
    assert [finding.code for finding in verdict.findings] == ["O201"]


def test_trainings_of_one_run_are_told_apart(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream, (kind, variable, line) in enumerate((("Critic", "", 7), ("Maker", "made", 9))):
            writer.state(Model(type=kind, variable=variable), stream=stream)
            writer.state(Optimizer(type="Adam", file="gan.py", line=line), stream=stream)
            for step in range(20):
                writer.add(signals.LOSS, step, 1.0, stream=stream)
    with Run.open(tmp_path) as run:
        verdict = judge(run, (stated("T201"), stated("D101", where=Where(module="net.0"))))
    places = [(f.code, str(f.where)) for f in verdict.findings]
    assert ("T201", "Critic, gan.py:7") in places
    assert ("T201", "`made`, gan.py:9") in places
    assert ("D101", "net.0 of `made`, gan.py:9") in places


def test_the_surer_comes_first_and_of_the_equally_sure_the_more_harmful(run: Run) -> None:
    rules = (
        stated("D101", severity="note", confidence=0.99),
        stated("O201", severity="error", confidence=0.6),
        stated("O202", severity="warning", confidence=0.9),
        stated("O401", severity="warning", confidence=0.6),
    )
    assert [code for code, _ in ranked(run, {}, *rules)] == ["O202", "O201", "O401", "D101"]


def test_what_was_skipped_is_not_called_clear(run: Run) -> None:
    class Gated(Stated):
        code = "D101"

        def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:  # pyright: ignore[reportIncompatibleMethodOverride]
            yield NotEvaluated(reason="the training began from learnt weights")

    verdict = judge(run, (Gated(), stated("O201", severity="note")))
    assert (verdict.clear, verdict.not_evaluated) == ((), {"D101": "the training began from learnt weights"})


def test_an_empty_run_has_no_rule_evaluated(tmp_path: Path) -> None:
    with record(tmp_path / "empty") as empty:
        verdict = judge(empty, (stated("O201"),))
    assert verdict.kind == "not enough data"
    assert verdict.not_evaluated == {"O201": "nothing was recorded"}
