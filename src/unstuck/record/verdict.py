"""The verdict over all findings: whether each training has been shown to learn, and what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from unstuck.record.finding import Finding, TrainingName
from unstuck.record.thrown import Throw

__all__ = ["KINDS", "SCHEMA", "Figure", "Learnt", "Unit", "Verdict", "VerdictKind"]

SCHEMA = 2
"""Version of the JSON that :meth:`Verdict.to_dict` gives."""

VerdictKind = Literal["findings", "not learnt", "improvable", "cannot be told", "not enough data", "healthy"]

KINDS: tuple[VerdictKind, ...] = (
    "findings",
    "not learnt",
    "improvable",
    "cannot be told",
    "not enough data",
    "healthy",
)
"""The worst first."""

Unit = Literal["loss", "share"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that shows how far a training got.

    Attributes:
        what: What was measured: ``"training accuracy"``, ``"loss"``.
        value: The number, at the end of the training.
        unit: share: from 0 to 1; loss: in the unit of the loss.
        guess: The same of the best constant guess; None where that is not known.
        start: The same at the start; None where the guess says more.
        error: Standard error of the value; None where that is not known.
    """

    what: str
    value: float
    unit: Unit
    guess: float | None = None
    start: float | None = None
    error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What is shown of one training.

    Attributes:
        training: Which one.
        kind: findings where a cause of severity error or warning is named in it; otherwise as ``shown``.
        shown: What the figures show, whatever was found: not learnt, improvable, healthy; cannot be told, where there
            is no yardstick; not enough data, where it was too short.
        figures: The evidence.
        steps: Updates that were seen.
        reason: Why it is no more than that, as a clause; empty for healthy.
        known: What else is known of a training that did not learn, in clauses.
    """

    training: TrainingName
    kind: VerdictKind
    shown: VerdictKind
    figures: tuple[Figure, ...] = ()
    steps: int = 0
    reason: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What all rules together say of a run.

    Attributes:
        kind: findings: a cause of severity error or warning is named; not learnt: the loss is that of a constant guess,
            rises or relapses, and no rule names a cause; improvable: learning is shown in part; cannot be told: there
            is no yardstick; not enough data: training was too short, or not seen; healthy: learning is shown, and
            nothing was found. Of several trainings it is the worst, in this order.
        headline: It in words, with its evidence.
        learning: What is shown of each training.
        findings: Ranked: the first is the likeliest root cause.
        clear: Codes of the rules that were evaluated and did not fire.
        not_evaluated: Codes of the rules that could not be evaluated, each with its reason.
        cost: What observing cost: ``seconds``, ``share`` of the training time, ``sampled_steps``, ``steps``.
        gaps: What the verdict does not rest on, in sentences, the gravest first: what of the run was not seen, may be
            missing, or was passed over.
        ended: How the trainings ended, in words, each with the number of those that ended so.
        throws: Where a loss was thrown, with what left its usual range before.
    """

    kind: VerdictKind
    headline: str = ""
    learning: tuple[Learnt, ...] = ()
    findings: tuple[Finding, ...] = ()
    clear: tuple[str, ...] = ()
    not_evaluated: Mapping[str, str] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)
    throws: tuple[Throw, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether ``--strict`` counts it: a finding of severity error, or a training that did not learn."""
        return self.kind == "not learnt" or any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data, ready for :func:`json.dumps`; the format other programs rely on.

        ``verdict.schema.json`` describes it; each training also has its ``name`` in words.
        """
        plain = asdict(self)
        for learnt, entry in zip(self.learning, plain["learning"], strict=True):
            entry["name"] = str(learnt.training)
        return _plain({"schema": SCHEMA, "verdict": plain.pop("kind"), **plain})


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinity) by None, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
