"""The verdict on a run: what is shown of its trainings, with what the rules found, in one kind and one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unstuck.record import Finding, Learnt, Run, Throw, TrainingName, Verdict, VerdictKind
from unstuck.record.facts import KINDS as KINDS_OF_FACTS
from unstuck.record.facts import Cost, End, Unwatched
from unstuck.record.signals import LOSS
from unstuck.record.verdict import KINDS
from unstuck.rules.course import endings
from unstuck.rules.headline import headline
from unstuck.rules.shown import NOTHING_TRAINED, shown
from unstuck.rules.unseen import seen_whole, unseen, unwatched, watching_ended

__all__ = ["conclude", "learnt_by"]

FEW = 1 / 3
"""Share of the rules that must have been evaluated for their silence to say that nothing is wrong (our choice); those
that are about programs of another kind, such as policies, do not count."""

MOST_UNSEEN = 0.5
"""Share of the backward passes, or of the trainings, of which so many were not seen that the rest says little."""


def learnt_by(stream: Run, training: TrainingName, findings: Sequence[Finding]) -> Learnt:
    """What is shown of one training, with what the rules found in it.

    Args:
        stream: The training.
        training: Its name.
        findings: What the rules found in it.
    """
    own = shown(stream)
    found = any(finding.severity != "note" for finding in findings)
    return Learnt(
        training=training,
        kind="findings" if found else own.kind,
        shown=own.kind,
        figures=own.figures,
        steps=own.steps,
        reason=own.reason,
        known=own.known,
    )


def conclude(
    run: Run,
    streams: Sequence[Run],
    learning: Sequence[Learnt],
    findings: tuple[Finding, ...],
    *,
    judged: int,
    clear: tuple[str, ...],
    not_evaluated: Mapping[str, str],
    throws: tuple[Throw, ...] = (),
    nothing: str = "",
    failure: str = "",
    evaluations_tell: bool = True,
) -> Verdict:
    """The verdict on a run.

    Args:
        run: The run, as a snapshot.
        streams: All its trainings.
        learning: What is shown of those that were judged.
        findings: What was found, ranked.
        judged: How many trainings were judged.
        clear: Codes of the rules that found nothing.
        not_evaluated: Codes of the others, with their reasons.
        throws: Where losses were thrown, and what came before.
        nothing: Why nothing was trained, where the caller knows it better than the run shows.
        failure: What ended the watching, where the caller knows of it and the run may not.
        evaluations_tell: Whether an evaluation would show what a training has learnt.
    """
    ended = failure or watching_ended(streams)
    learning = tuple(learning) or (_nothing_trained(nothing),)
    if nothing and len(learning) == 1 and learning[0].kind == "not enough data":
        learning = (_nothing_trained(nothing),)
    kind = _kind(learning, findings)
    if kind not in ("findings", "not learnt"):
        blind = _too_blind(streams, clear, not_evaluated)
        if ended or (blind and kind != "not enough data"):
            kind, ended = "cannot be told", ended or blind
    return Verdict(
        kind=kind,
        headline=headline(
            kind,
            learning,
            findings,
            seen=_seen(streams),
            ended=ended if kind != "not learnt" else "",
            some=bool(unwatched(streams)),
            evaluations_tell=evaluations_tell,
        ),
        learning=learning,
        findings=findings,
        clear=clear,
        not_evaluated=not_evaluated,
        cost=_cost(streams),
        gaps=(*_not_seen(streams), *run.gaps, *_passed_over(judged, len(streams))),
        ended=endings(streams),
        throws=throws,
    )


def _nothing_trained(reason: str) -> Learnt:
    why = reason.rstrip(".") or NOTHING_TRAINED
    return Learnt(training=TrainingName(), kind="not enough data", shown="not enough data", reason=why)


def _kind(learning: Sequence[Learnt], findings: Sequence[Finding]) -> VerdictKind:
    """The worst of the trainings; one that was too short counts where all were."""
    if any(finding.severity != "note" for finding in findings):
        return "findings"
    kinds = {learnt.kind for learnt in learning}
    counted = kinds - {"not enough data"} or kinds
    return next(kind for kind in KINDS if kind in counted)


def _too_blind(streams: Sequence[Run], clear: Sequence[str], not_evaluated: Mapping[str, str]) -> str:
    """Why too little was seen to say that nothing is wrong, in a clause; empty where enough was."""
    missed = sum(fact.trainings for stream in streams for fact in stream.facts(Unwatched)[-1:])
    if missed > MOST_UNSEEN * (missed + sum(stream.has(LOSS) for stream in streams)):
        return unwatched(streams)
    ends = [end for stream in streams for end in stream.facts(End)[-1:] if end.backward_passes]
    lost, passes = sum(end.unrecorded for end in ends), sum(end.backward_passes or 0 for end in ends)
    if lost > MOST_UNSEEN * passes:
        return f"{lost:,} of {passes:,} backward passes were not recorded"
    other = {kind.missing for kind in KINDS_OF_FACTS.values() if kind.special}
    rules = len(clear) + sum(reason not in other for reason in not_evaluated.values())
    if rules and len(clear) < FEW * rules:
        return f"only {len(clear)} of {rules} checks could be made"
    return ""


def _seen(streams: Sequence[Run]) -> str:
    ends = {end.reason for stream in streams for end in stream.facts(End)[-1:]}
    if "crashed" in ends:
        return "crashed"
    if not seen_whole(streams):
        return "blind"
    return "interrupted" if "interrupted" in ends else "whole"


def _cost(streams: Sequence[Run]) -> dict[str, float]:
    """What observing cost, and of how many steps."""
    costs = [cost for stream in streams for cost in stream.facts(Cost)[-1:]]
    seconds, training = sum(cost.seconds for cost in costs), sum(cost.training_seconds for cost in costs)
    longest = max((last + 1 for stream in streams if (last := stream.last_step(LOSS)) is not None), default=0)
    return {
        "seconds": seconds,
        "share": seconds / training if training else 0.0,
        "sampled_steps": float(sum(cost.sampled_steps for cost in costs)),
        "steps": float(sum(cost.steps for cost in costs) or longest),
    }


def _not_seen(streams: Sequence[Run]) -> tuple[str, ...]:
    first = unwatched(streams)
    return (*((first,) if first else ()), *unseen(streams))


def _passed_over(judged: int, streams: int) -> tuple[str, ...]:
    if judged == streams:
        return ()
    sentence = (
        f"{judged:,} of {streams:,} trainings were judged in full: some of every kind, by model, facts, end, and how "
        "far the loss fell; the others may differ from them in what only a full look shows."
    )
    return (sentence,)
