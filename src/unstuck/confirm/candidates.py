"""What is worth trying on a run: for each finding the remedies that prove its cause, then the commonest causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unstuck.confirm.strategy import Candidate
from unstuck.confirm.trial import Changes
from unstuck.learning import Learning
from unstuck.record import Finding, Run, Verdict
from unstuck.remedies import CATALOGUE, Change, Remedy, refinements

__all__ = ["Refused", "candidates", "finer"]

RATES = ("lr-too-high", "lr-too-low")
"""The causes that a rate is, in the order in which they are tried where the loss does not fall."""

PRIOR = (
    *("inputs-not-scaled", "gradients-not-cleared", "targets-not-scaled"),
    *("output-activation-wrong", "loss-wrong", "loss-broadcast", "batch-mixing", "wrong-axis"),
    *("parameters-not-optimized", "gradient-sign-flipped", "graph-detached", "labels-out-of-range", "data-non-finite"),
    *("init-scale-wrong", "optimizer-unsuited", "lr-schedule-wrong", "regularisation-too-strong"),
    *("data-not-shuffled", "activation-unsuited", "gradient-altered", "batch-size-unsuited"),
    *("loss-reduction-wrong", "loss-terms-unbalanced", "init-symmetric", "class-imbalance", "ill-conditioned"),
    *("capacity-too-small", "mode-wrong"),
)
"""Causes in the order in which they are tried behind :data:`RATES` where nothing is found: the commonest of questions
asked in public first, then those whose changes apply only where something that may be wrong was seen (our choice)."""

SURE = 0.8
"""Confidence from which a finding needs no experiment with other causes (our choice)."""

FIRST = 2
"""Changes of one remedy that are tried for one finding before another is."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A remedy that cannot be tried.

    Attributes:
        cause: The cause that it would prove.
        remedy: Its name.
        why: The reason, as a clause.
    """

    cause: str
    remedy: str
    why: str


def candidates(run: Run, verdict: Verdict) -> tuple[tuple[Candidate, ...], tuple[Refused, ...]]:
    """What to try on one stream, in this order, and what cannot be tried.

    The first change of each finding comes before the second of any; what its printed advice asks for is the first. Then
    follows the catalogue of causes, for what is found may not be the cause; but not behind a finding that is sure, and
    that no change would prove. A training whose loss falls is tried at higher rates before lower ones. Of a healthy
    training nothing is tried.

    Args:
        run: The stream.
        verdict: The verdict on its run.
    """
    tries = verdict.kind in ("findings", "not learnt", "improvable", "cannot be told")
    found = [finding for finding in verdict.findings if tries or finding.severity != "note"]
    turns: list[list[Candidate]] = [[], [], [], []]
    refused: list[Refused] = []
    for rank, finding in enumerate(found):
        for cause in dict.fromkeys((finding.cause, *(one.cause for one in finding.symptoms if one.severity != "note"))):
            own = finding if cause == finding.cause else None
            made, not_made = _of_cause(run, cause, own, rank)
            refused.extend(not_made)
            turns[0 if own else 1].extend(made[:1])
            turns[1].extend(made[1:])
    sure = bool(found) and found[0].confidence >= SURE and not turns[0]
    if not sure and tries:
        for cause in (*(reversed(RATES) if _falls(run) else RATES), *PRIOR):
            made, _ = _of_cause(run, cause, None, None)
            turns[2].extend(made[:1])
            turns[3].extend(made[1:])
    return tuple(_once([candidate for turn in turns for candidate in turn])), tuple(refused)


def _of_cause(run: Run, cause: str, finding: Finding | None, rank: int | None) -> tuple[list[Candidate], list[Refused]]:
    made = [] if finding is None else list(_advised(run, finding, rank))
    refused: list[Refused] = []
    for name, remedy in CATALOGUE.items():
        if cause not in remedy.proves:
            continue
        changes = remedy.candidates(run, finding)
        why = remedy.obstacle(run) if changes else None
        if why is not None:
            refused.append(Refused(cause=cause, remedy=name, why=why))
            continue
        fitting = [change for change in changes if cause in remedy.proved_by(change, run)]
        made.extend(_candidate(remedy, change, run, (cause,), rank) for change in fitting[:FIRST])
    return made, refused


def _advised(run: Run, finding: Finding, rank: int | None) -> Iterator[Candidate]:
    """What the printed advice of a finding asks for, though it proves another cause too."""
    for remedy in CATALOGUE.values():
        for change in remedy.advised(run, finding):
            proved = remedy.proved_by(change, run)
            if finding.cause not in proved and remedy.obstacle(run) is None:
                made = _candidate(remedy, change, run, (finding.cause, *proved), rank)
                yield replace(made, decides=False)


def _falls(run: Run) -> bool:
    """Whether the loss surely falls, or something is learnt, so that the rate is rather too low than too high."""
    learning = Learning.of(run)
    return learning.curve.falls_surely or learning.outcome == "partial"


def finer(run: Run, candidate: Candidate, tried: Sequence[tuple[Changes, float]]) -> tuple[Candidate, ...]:
    """Changes about the best one so far, such as half and twice a rate.

    Args:
        run: The stream.
        candidate: The best one.
        tried: The changes that were tried, each with its gain.
    """
    if len(candidate.changes) != 1:
        return ()
    change = _change(candidate.changes[0])
    gains = {_change(one): gain for (one, *others), gain in tried if not others}
    remedy = CATALOGUE[change.remedy]
    about = refinements(change, run, gains)
    return tuple(
        replace(_candidate(remedy, one, run, candidate.causes, candidate.rank), decides=candidate.decides)
        for one in about
    )


def _change(plain: tuple[str, Any]) -> Change:
    name, settings = plain
    return Change(remedy=name, settings=dict(settings))


def _candidate(remedy: Remedy, change: Change, run: Run, causes: Sequence[str], rank: int | None) -> Candidate:
    return Candidate(
        changes=((change.remedy, dict(change.settings)),),
        words=remedy.words(change, run),
        causes=tuple(causes),
        rank=rank,
        decides=remedy.decides,
    )


def _once(made: Sequence[Candidate]) -> Iterator[Candidate]:
    """Each change once, where it comes first."""
    seen: list[object] = []
    for one in made:
        if one.changes not in seen:
            seen.append(one.changes)
            yield one
