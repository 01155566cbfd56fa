"""What a rule says: a finding, or that it could not judge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from unstuck.errors import ArgumentError
from unstuck.record.causes import CAUSES
from unstuck.record.numbers import number, percent

__all__ = ["SEVERITIES", "Confirmation", "Evidence", "Finding", "NotEvaluated", "Severity", "TrainingName", "Where"]

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

SUFFIXES = {1: "st", 2: "nd", 3: "rd"}

STILL = 0.05
"""Difference from its start within which a metric stays where it is: in shares as it is, of a loss relative (our
choice)."""


@dataclass(frozen=True, kw_only=True)
class TrainingName:
    """What the user calls a training: his variable, and the line that makes the optimizer.

    Attributes:
        variable: His name of the model; empty where it is not known.
        type: Class of the model; empty where there are parameters alone.
        file: Path of the source file in which the optimizer is made.
        line: Line in that file, from 1.
        position: Its number, from 1, among the trainings of this name.
        count: How many these are.

    Examples:
        >>> str(TrainingName(variable="net", file="src/train.py", line=12, position=4, count=10))
        '`net`, train.py:12, the 4th of 10'
        >>> str(TrainingName(type="Sequential"))
        'Sequential'
    """

    variable: str = ""
    type: str = ""
    file: str | None = None
    line: int | None = None
    position: int = 1
    count: int = 1

    def __str__(self) -> str:
        name = f"`{self.variable}`" if self.variable else self.type
        source = f"{PurePath(self.file).name}:{self.line}" if self.file and self.line else ""
        turn = f"the {_ordinal(self.position)} of {self.count}" if self.count > 1 else ""
        return ", ".join(part for part in (name, source, turn) if part) or "the training"


@dataclass(frozen=True, kw_only=True)
class Where:
    """The place of a fault, as far as it is known.

    Attributes:
        module: Path of the module in its model, ``"features.3"``.
        parameter: Name of the parameter tensor, ``"features.3.weight"``.
        file: Path of the user's source file.
        line: Line in that file, from 1.
        training: The training, where the run holds several.
    """

    module: str | None = None
    parameter: str | None = None
    file: str | None = None
    line: int | None = None
    training: TrainingName | None = None

    def __str__(self) -> str:
        """The places known, the finest first: ``features.3.weight, train.py:41``."""
        source = f"{self.file}:{self.line}" if self.file and self.line else self.file
        if self.training is None:
            return ", ".join(part for part in (self.parameter or self.module, source) if part)
        if (self.file, self.line) == (self.training.file, self.training.line):
            source = None  # which stands in the training's name
        inner = self.parameter or self.module
        return ", ".join(
            part for part in (f"{inner} of {self.training}" if inner else str(self.training), source) if part
        )


def _ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{SUFFIXES.get(last, 'th')}"


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
        remedy: The change in words: ``"with the rate at 0.01"``.
        metric: What was compared: ``"loss"``, ``"training accuracy"``, ``"balanced accuracy"``, ``"evaluation
            accuracy"``; ``"share of the loss explained"`` where the loss is another one with the remedy, and ``"share
            explained of the term that is learnt least"`` where several losses are added up.
        before: The metric of the unchanged re-run with the run's own seeds, for others may draw other data; NaN if it
            is not finite any more.
        after: The same of the re-run with the remedy.
        start: What it was before anything was learnt; NaN if that is not known.
        noise: Standard error of what was gained, as a share of what there is to learn.
        seeds: Re-runs with the remedy, each with other seeds.
        agree: Those of them that were better than every one without it.
        steps: Updates of each.
        helped: Whether it was better by more than the noise.

    Examples:
        >>> lower = {"before": 2.3, "after": 0.31, "start": 2.31, "steps": 300}
        >>> str(Confirmation(remedy="with the rate at 0.01", metric="loss", seeds=3, agree=3, **lower))
        'with the rate at 0.01 the loss falls to 0.31 in 300 steps; unchanged it stays at 2.3 (3 of 3 seeds)'
    """

    remedy: str
    metric: str
    before: float
    after: float
    start: float = math.nan
    noise: float = 0.0
    seeds: int = 1
    agree: int = 1
    steps: int = 0
    helped: bool = True

    def __str__(self) -> str:
        """What the change did, in words."""
        several = f" ({self.agree} of {self.seeds} seeds)" if self.seeds > 1 else ""
        draws = several or (" (1 seed; the noise is that of its batches)" if self.helped else "")
        changed, unchanged = self._course(self.after), self._course(self.before)
        return f"{self.remedy} the {self.metric} {changed} in {self.steps:,} steps; unchanged it {unchanged}{draws}"

    def _course(self, end: float) -> str:
        """What the metric does from its start on."""
        shares = self.metric != "loss"
        form, scale = (percent, 1.0) if shares else (number, max(abs(self.start), abs(end)))
        if not math.isfinite(end):
            return "is not finite any more"
        if math.isnan(self.start):
            return f"is {form(end)}"
        if abs(end - self.start) <= STILL * scale:
            return f"stays at {form(end)}"
        return f"{'rises' if end > self.start else 'falls'} to {form(end)}"


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
        refuted: The experiment that spoke against it: its remedy changed nothing, and another restored learning.
        undecided: What an experiment showed that neither confirmed nor refuted it, in a sentence; empty where none did.
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
    refuted: Confirmation | None = None
    undecided: str = ""

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
