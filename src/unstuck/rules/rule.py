"""What a rule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Signal, Where
from unstuck.record.facts import Fact

__all__ = ["Gate", "Need", "Rule"]

Need = Signal | type[Fact]


@dataclass(frozen=True)
class Gate:
    """A condition that a rule sets for judging a run at all.

    Attributes:
        reason: Why a run that does not meet it is not judged, as a clause.
        admits: Whether a run meets it.
    """

    reason: str
    admits: Callable[[Run], bool]


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """A pure function from a run to findings, with its thresholds as fields.

    A subclass is final. Its docstring has the headings Detects, Why it matters, Evidence, Known false positives, Try
    and References, from which ``unstuck explain`` and the documentation are made.

    Attributes:
        code: The letter of its family and three digits, ``"O201"``.
        name: The defect, in the field's words, ``"learning rate too high"``.
        cause: The root cause that it names unless the evidence says otherwise.
        needs: Signals and facts without which it cannot be evaluated.
        applies_to: Conditions without which it is not evaluated, asked in this order before ``check``.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    cause: ClassVar[str]
    needs: ClassVar[tuple[Need, ...]]
    applies_to: ClassVar[tuple[Gate, ...]] = ()

    def apply(self, run: Run) -> Iterable[Finding | NotEvaluated]:
        """Judge one stream of a run, or say of the first gate that does not admit it why it does not."""
        closed = next((gate for gate in self.applies_to if not gate.admits(run)), None)
        return self.check(run) if closed is None else (NotEvaluated(reason=closed.reason),)

    @abstractmethod
    def check(self, run: Run) -> Iterable[Finding | NotEvaluated]:
        """Judge one stream of a run that has what the rule needs, and that the rule applies to.

        Returns:
            Nothing where the rule is clear, findings where it fires, or one :class:`NotEvaluated` with the reason.
        """

    def finding(
        self,
        summary: str,
        advice: str,
        *,
        severity: Severity,
        confidence: float,
        evidence: tuple[Evidence, ...],
        where: Where | None = None,
        cause: str | None = None,
    ) -> Finding:
        """A finding with this rule's code and cause."""
        return Finding(
            code=self.code,
            cause=cause or self.cause,
            severity=severity,
            confidence=confidence,
            summary=summary,
            advice=advice,
            where=where or Where(),
            evidence=evidence,
        )

    def about(
        self,
        fact: Fact,
        summary: str,
        advice: str,
        *,
        value: float,
        threshold: float | None,
        note: str,
        severity: Severity,
        confidence: float,
        since: int | None = None,
        cause: str | None = None,
    ) -> Finding:
        """A finding that rests on one number of one fact, whose place and step are those of the fact.

        Args:
            fact: The fact; its ``where``, ``file``, ``line`` and ``step`` count where it has them.
            summary: What is wrong.
            advice: What to change.
            value: The number.
            threshold: The bound that it crossed; None where nothing numeric was crossed.
            note: The measurement in words.
            severity: How much it matters.
            confidence: How sure it is, from 0 to 1.
            since: The first step that the number speaks of, where it is not the fact's.
            cause: The root cause, where it is not the rule's.
        """
        known = vars(fact)
        step: int | None = known.get("step")
        return self.finding(
            summary,
            advice,
            severity=severity,
            confidence=confidence,
            cause=cause,
            where=Where(module=known.get("where") or None, file=known.get("file"), line=known.get("line")),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=value,
                    threshold=threshold,
                    steps=None if step is None else (step if since is None else since, step),
                    note=note,
                ),
            ),
        )
