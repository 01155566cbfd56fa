"""What a rule says: findings, and the verdict over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from unstuck.errors import ArgumentError
from unstuck.record.causes import CAUSES

__all__ = [
    "SCHEMA",
    "Confirmation",
    "Evidence",
    "Finding",
    "NotEvaluated",
    "Severity",
    "Verdict",
    "VerdictKind",
    "Where",
]

SCHEMA = 1
"""Version of the JSON that :meth:`Verdict.to_dict` gives."""

Severity = Literal["error", "warning", "note"]
VerdictKind = Literal["healthy", "findings", "not enough data"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, kw_only=True)
class Where:
    """The place of a fault, as far as it is known.

    Attributes:
        module: Path of the module in its model, ``"features.3"``.
        parameter: Name of the parameter tensor, ``"features.3.weight"``.
        file: Path of the user's source file.
        line: Line in that file, from 1.
    """

    module: str | None = None
    parameter: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """The places known, the finest first: ``features.3.weight, train.py:41``."""
        source = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return ", ".join(part for part in (self.parameter or self.module, source) if part)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One measurement that a finding rests on.

    Attributes:
        signal: Key of the signal or fact, as in :mod:`unstuck.record.signals`.
        value: What was measured.
        threshold: The bound that it crossed; None where nothing numeric was crossed.
        steps: First and last step of the measurement.
        note: The measurement in words, where the numbers do not speak for themselves.
    """

    signal: str
    value: float
    threshold: float | None = None
    steps: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A remedy that was tried on a bounded re-run, with the figures before and after.

    Attributes:
        remedy: Name of the remedy.
        metric: What was compared, for example ``"loss after 200 steps"``.
        before: The metric of the unchanged re-run.
        after: The metric of the re-run with the remedy.
    """

    remedy: str
    metric: str
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One verdict of one rule.

    Attributes:
        code: Code of the rule, ``"O201"``.
        cause: The root cause, a slug of causes.toml.
        severity: error: learning fails or its result is wrong; warning: learning is clearly worse than it should be;
            note: worth knowing, never counted against a healthy run.
        confidence: Probability, 0 to 1, that the cause named is right.
        summary: One sentence: what is wrong.
        where: The place.
        evidence: How we know.
        advice: The change to make, in the user's own terms.
        symptoms: Findings that this one explains; they are listed under it, not beside it.
        confirmed: The experiment that confirmed it, if one was made.
    """

    code: str
    cause: str
    severity: Severity
    confidence: float
    summary: str
    advice: str
    where: Where = field(default_factory=Where)
    evidence: tuple[Evidence, ...] = ()
    symptoms: tuple[Finding, ...] = ()
    confirmed: Confirmation | None = None

    def __post_init__(self) -> None:
        if self.cause not in CAUSES:
            raise ArgumentError(
                f"cause={self.cause!r} is not in causes.toml; add it there first, or use one of its slugs"
            )
        if self.severity not in SEVERITIES:
            raise ArgumentError(f"severity={self.severity!r}: use one of {', '.join(SEVERITIES)}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ArgumentError(f"confidence={self.confidence!r}: a probability from 0 to 1 is accepted")


@dataclass(frozen=True, kw_only=True)
class NotEvaluated:
    """A rule's word that it could not judge this run.

    Attributes:
        reason: Why, as a clause: ``"fewer than 20 steps were recorded"``.
        unread: Whether that is a failure of the observation, and nothing about the training.
    """

    reason: str
    unread: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What all rules together say of a run.

    Attributes:
        kind: healthy: nothing of severity error or warning fired; findings: something did; not enough data: training
            was too short, or not seen, so that silence would mean nothing.
        findings: Ranked: the first is the likeliest root cause.
        clear: Codes of the rules that were evaluated and did not fire.
        not_evaluated: Codes of the rules that could not be evaluated, each with its reason.
        cost: What observing cost: ``seconds``, ``share`` of the training time, ``sampled_steps``, ``steps``.
        reason: Why there were not enough data; empty otherwise.
        gaps: What the verdict does not rest on, in sentences, the gravest first: what of the run was not seen, may be
            missing, or was passed over.
        ended: How the trainings ended, in words, each with the number of those that ended so.
    """

    kind: VerdictKind
    findings: tuple[Finding, ...] = ()
    clear: tuple[str, ...] = ()
    not_evaluated: Mapping[str, str] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    gaps: tuple[str, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data, ready for :func:`json.dumps`; the format other programs rely on."""
        return {
            "schema": SCHEMA,
            "verdict": self.kind,
            "reason": self.reason,
            "gaps": list(self.gaps),
            "ended": dict(self.ended),
            "findings": [_plain(asdict(finding)) for finding in self.findings],
            "clear": list(self.clear),
            "not_evaluated": dict(self.not_evaluated),
            "cost": _plain(dict(self.cost)),
        }


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinity) by None, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
