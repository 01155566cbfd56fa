"""A contract that every rule keeps, ours and those of others.

Subclass :class:`RuleContract` in a test module that pytest collects, and give it a rule with a sick and a healthy run::

    class TestMyRule(RuleContract):
        rule = MyRule()
        rules = (*unstuck.rules.RULES, MyRule())

        @pytest.fixture()
        def sick(self, tmp_path):
            return record(tmp_path / "sick", series={signals.LOSS: [2.3, 9.0, 70.0]})

        @pytest.fixture()
        def healthy(self, tmp_path):
            return record(tmp_path / "healthy", series={signals.LOSS: [2.3, 1.1, 0.6]})
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from unstuck.record import CAUSES, Finding, NotEvaluated, Run, RunWriter, Signal
from unstuck.record.facts import KINDS, Fact
from unstuck.record.signals import BY_KEY
from unstuck.rules import RULES, Rule
from unstuck.rules.explain import HEADINGS, page

__all__ = ["RuleContract", "record"]

CODE = re.compile(r"[DMIGOLRNTS][1-9]\d\d")


def record(
    folder: Path,
    *,
    series: Mapping[Signal, Sequence[float]] | None = None,
    tables: Mapping[Signal, Mapping[str, Sequence[float]]] | None = None,
    facts: Iterable[Fact] = (),
    steps: Mapping[Signal, Sequence[int]] | None = None,
    stream: int = 0,
) -> Run:
    """Write a run from given numbers, and open it.

    Args:
        folder: Where to write it; a folder without a run.
        series: For each signal with one number a step, its numbers.
        tables: For each signal with one number an entry, the numbers of each entry by its name. Signals of one index
            name the same entries in the same order.
        facts: Facts to state.
        steps: The training steps of a signal's numbers; 0, 1, 2, ... where they are not given.
        stream: The training that all belongs to.

    Returns:
        The run, open for reading; close it when done.

    Examples:
        >>> import tempfile
        >>> from unstuck.record import signals
        >>> with record(Path(tempfile.mkdtemp()), series={signals.LOSS: [2.0, 1.0]}) as run:
        ...     run.series(signals.LOSS).steps.tolist()
        [0, 1]
    """
    given = steps or {}
    with RunWriter(folder) as writer:
        for fact in facts:
            writer.state(fact, stream=stream)
        for signal, values in (series or {}).items():
            _add(writer, signal, values, given.get(signal), stream)
        named: set[Any] = set()
        for signal, columns in (tables or {}).items():
            if signal.index not in named:
                writer.name(signal.index, columns, stream=stream)
                named.add(signal.index)
            rows = list(zip(*columns.values(), strict=True))
            _add(writer, signal, rows, given.get(signal), stream)
    return Run.open(folder)


def _add(
    writer: RunWriter, signal: Signal, values: Sequence[ArrayLike], steps: Sequence[int] | None, stream: int
) -> None:
    for step, value in zip(steps if steps is not None else range(len(values)), values, strict=True):
        writer.add(signal, step, value, stream=stream)


def outcome(rule: Rule, run: Run) -> list[Finding]:
    """What a rule finds in a run, nothing where it does not apply; an assertion fails where it could not judge."""
    findings: list[Finding] = []
    for entry in rule.check(run) if all(gate.admits(run) for gate in rule.applies_to) else ():
        assert isinstance(entry, Finding), f"{rule.code} was not evaluated: {entry.reason}"
        findings.append(entry)
    return findings


class RuleContract:
    """Tests that hold for every rule.

    Attributes:
        rule: The rule under test.
        rules: The rules that it is used with, among which its code is unique.
    """

    rule: Rule
    rules: Sequence[Rule] = RULES

    def test_declares_itself(self) -> None:
        """The code has its form and is unique; the cause is known; needs are signals and facts."""
        rule = self.rule
        codes = [other.code for other in self.rules]
        assert CODE.fullmatch(rule.code), f"code {rule.code!r}: the letter of a family and three digits, 101 to 999"
        assert codes.count(rule.code) == 1, f"code {rule.code} is used {codes.count(rule.code)} times"
        assert rule.cause in CAUSES, f"cause {rule.cause!r} is not in causes.toml"
        assert rule.name, "the rule has no name"
        for need in rule.needs:
            known = need in BY_KEY.values() or need in KINDS.values()
            assert known, f"need {need!r} is neither a signal nor a kind of fact that a run can hold"
        assert rule.needs, "a rule without needs cannot say what was missing"

    def test_documents_itself(self) -> None:
        """The docstring has every heading, and every threshold its source."""
        documented = page(self.rule)
        assert tuple(documented.sections) == HEADINGS
        assert documented.summary
        for threshold in documented.thresholds:
            assert threshold.source, f"threshold {threshold.name} lacks a '#: ...' comment with its source"

    def test_is_frozen_and_keyword_only(self) -> None:
        """Thresholds are frozen, keyword-only fields with defaults."""
        kind = type(self.rule)
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue]
        for field in dataclasses.fields(kind):
            assert field.kw_only, f"threshold {field.name} is not keyword-only"
            assert field.default is not dataclasses.MISSING, f"threshold {field.name} has no default"

    def test_fires_on_the_sick_run(self, sick: Run) -> None:
        """The sick run gives findings with evidence, a measured one at least, and with advice."""
        findings = outcome(self.rule, sick)
        assert findings, f"{self.rule.code} is silent on the sick run"
        for finding in findings:
            assert finding.code == self.rule.code
            assert finding.summary
            assert finding.advice
            assert finding.evidence
            assert any(proof.threshold is not None for proof in finding.evidence)

    def test_is_silent_on_the_healthy_run(self, healthy: Run) -> None:
        """The healthy twin gives no finding."""
        assert outcome(self.rule, healthy) == []

    def test_is_pure(self, sick: Run, healthy: Run) -> None:
        """The same run gives the same findings twice, and is not changed."""
        for run in (sick, healthy):
            before = (run.path / "run.sqlite").read_bytes()
            assert list(self.rule.apply(run)) == list(self.rule.apply(run))
            assert (run.path / "run.sqlite").read_bytes() == before

    def test_survives_an_empty_run(self, tmp_path: Path) -> None:
        """A run that holds nothing is no reason to fail."""
        with record(tmp_path / "empty") as run:
            for entry in self.rule.apply(run):
                assert isinstance(entry, NotEvaluated)
