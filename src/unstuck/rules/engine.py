"""Apply rules to a run: evaluate, group symptoms under their cause, rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from unstuck.errors import RunError
from unstuck.record import Finding, NotEvaluated, Run, Verdict
from unstuck.record.facts import Cost, Model, Optimizer
from unstuck.record.finding import SEVERITIES, VerdictKind
from unstuck.record.signals import LOSS, Signal
from unstuck.rules.alike import merge, training_key
from unstuck.rules.catalogue import RULES
from unstuck.rules.choose import choose
from unstuck.rules.course import endings
from unstuck.rules.rule import Need, Rule
from unstuck.rules.unseen import behind, behind_any, reason, unseen, unwatched, words_of

__all__ = ["judge"]

ENOUGH_STEPS = 10
"""Training steps below which silence means nothing."""

FAILED = "the rule itself failed"
"""How the reason begins where a rule raised an exception."""


def judge(run: Run, rules: Sequence[Rule] = RULES) -> Verdict:
    """Judge a run by rules.

    Each rule ends fired, clear or not evaluated in each stream of the run. Over several streams a rule fired if it
    fired in one, and is clear if it was evaluated in one, unless a part of the observation that it rests on failed in
    another; findings then name the model they concern, by its class and the number of its stream; what is found in
    several trainings alike, such as the folds of a cross-validation, is said once, of the surest. A rule that fails is
    not evaluated, so that its fault does not cost the verdict of others.
    Of hundreds of trainings some of every kind are judged, and the verdict says so.

    Args:
        run: The run, finished or still being written.
        rules: The rules to apply; all of them by default.

    Returns:
        The verdict, its findings ranked by severity and confidence, each with its symptoms under it.

    Raises:
        DamagedRunError: What the run holds is damaged.
    """
    trainings: list[tuple[tuple[object, ...], tuple[Finding, ...]]] = []
    fired: set[str] = set()
    evaluated: set[str] = set()
    reasons: dict[str, str] = {}
    unread: dict[str, str] = {}
    whole = run.snapshot()
    streams = whole.streams()
    judged = choose(streams)
    for stream in (each.snapshot() for each in judged):  # so that what one has read is forgotten with it
        findings: list[Finding] = []
        for rule in rules:
            outcome = evaluate(rule, stream)
            if isinstance(outcome, NotEvaluated):
                (unread if outcome.unread else reasons).setdefault(rule.code, outcome.reason)
                continue
            evaluated.add(rule.code)
            findings.extend(_placed(finding, stream) if whole.several else finding for finding in outcome)
        fired.update(finding.code for finding in findings)
        if stream.has(LOSS) or findings:
            trainings.append((training_key(stream), rank(findings, rules)))
    order = _order(rules)
    merged = merge(trainings, lambda finding: _weight(finding, order), chosen=len(judged) < len(streams))
    ranked = tuple(sorted(merged, key=lambda finding: _weight(finding, order)))
    if not streams:
        reasons = {rule.code: "nothing was recorded" for rule in rules}
    lost = {code: why for code, why in unread.items() if code not in fired}
    left = {code: why for code, why in reasons.items() if code not in evaluated}
    steps, cost = _extent(streams)
    kind: VerdictKind = "healthy"
    too_little = ""
    if any(finding.severity != "note" for finding in ranked):
        kind = "findings"
    elif steps < ENOUGH_STEPS:
        kind, too_little = "not enough data", _why_not_enough(steps)
    return Verdict(
        kind=kind,
        findings=ranked,
        clear=tuple(rule.code for rule in rules if rule.code in evaluated - fired - lost.keys()),
        not_evaluated=left | lost,
        cost=cost,
        reason=too_little,
        gaps=(*_not_seen(streams), *whole.gaps, *_passed_over(len(judged), len(streams))),
        ended=endings(streams),
    )


def evaluate(rule: Rule, stream: Run) -> list[Finding] | NotEvaluated:
    """One rule on one stream: findings, none where it is clear, or why it could not be evaluated.

    Where a part of the observation failed, a rule is not evaluated without a signal or fact that it needs from there,
    nor on a signal that ends with the failure. What it finds without others that it reads counts; that it finds nothing
    without them does not, nor does the reason that it gives.
    """
    for need in rule.needs:
        failure = behind(stream, need)
        lacking = not _has(stream, need)
        if lacking or (failure is not None and isinstance(need, Signal)):
            return NotEvaluated(reason=reason(stream, need), unread=failure is not None)
    outcome, touched = stream.trace(lambda: _checked(rule, stream))
    failure = None if isinstance(outcome, list) and outcome else behind_any(stream, (*rule.needs, *touched))
    return outcome if failure is None else NotEvaluated(reason=words_of(failure), unread=True)


def _has(stream: Run, need: Need) -> bool:
    return stream.has(need) if isinstance(need, Signal) else stream.knows(need)


def _checked(rule: Rule, stream: Run) -> list[Finding] | NotEvaluated:
    findings: list[Finding] = []
    try:
        with np.errstate(all="ignore"):  # losses that blew up overflow here too, and nobody needs to be told of that
            for outcome in rule.apply(stream):
                if isinstance(outcome, NotEvaluated):
                    return outcome
                findings.append(outcome)
    except RunError:
        raise
    except Exception as error:  # someone's run, perhaps after days: one rule's fault must not hide what the others say
        return NotEvaluated(reason=f"{FAILED} ({type(error).__name__}: {error})")
    return findings


def rank(findings: Iterable[Finding], rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """Order the findings of one training, the likeliest root cause first, with symptoms under what explains them.

    Explanations chain: what explains a symptom of a symptom stands above both, and every finding is kept, under one
    root. A finding that several others explain goes under the first of them; where explanations run in a circle, the
    first of the circle is its root. A note explains notes alone, for what does no harm cannot be the cause of harm; a
    root is as severe as the worst that it explains. Among findings of one severity the more confident comes first;
    between equals, the order of the catalogue decides, which lists causes by how early in the flow of training they
    act: data, model, initialisation, gradient, then what follows from them.
    """
    order = _order(rules)
    explains = {rule.code: frozenset(rule.explains) for rule in rules}
    queue = sorted(findings, key=lambda finding: _weight(finding, order))
    parents: dict[int, int] = {}
    for position, finding in enumerate(queue):
        for candidate, other in enumerate(queue):
            harmful = other.severity != "note" or finding.severity == "note"
            if harmful and other.code != finding.code and finding.code in explains[other.code]:
                parents[position] = candidate
                break
    symptoms: dict[int, list[Finding]] = {}
    for position, finding in enumerate(queue):
        root = _root(position, parents)
        symptoms.setdefault(root, [])
        if root != position:
            symptoms[root].append(finding)
    roots = [_with_symptoms(queue[root], tuple(below)) for root, below in symptoms.items()]
    return tuple(sorted(roots, key=lambda finding: _weight(finding, order)))


def _order(rules: Sequence[Rule]) -> dict[str, int]:
    return {rule.code: position for position, rule in enumerate(rules)}


def _weight(finding: Finding, order: Mapping[str, int]) -> tuple[int, float, int]:
    return SEVERITIES.index(finding.severity), -finding.confidence, order[finding.code]


def _root(position: int, parents: Mapping[int, int]) -> int:
    """The end of the chain of explanations above a finding; the first in rank of the circle, where it ends in one."""
    seen: list[int] = []
    while position in parents and position not in seen:
        seen.append(position)
        position = parents[position]
    return min(seen[seen.index(position) :]) if position in seen else position


def _with_symptoms(finding: Finding, symptoms: tuple[Finding, ...]) -> Finding:
    worst = min((f.severity for f in (finding, *symptoms)), key=SEVERITIES.index)
    return replace(finding, severity=worst, symptoms=symptoms)


def _placed(finding: Finding, stream: Run) -> Finding:
    """The finding with the model and the optimizer that it concerns, where a run holds several trainings."""
    model, optimizer, where = stream.fact(Model), stream.fact(Optimizer), finding.where
    owner = f"{model.type if model else 'model'}#{stream.number}"
    if where.module is None and where.parameter is None:
        where = replace(where, module=owner)
    else:
        where = replace(
            where,
            module=where.module and f"{owner}.{where.module}",
            parameter=where.parameter and f"{owner}.{where.parameter}",
        )
    if where.file is None and optimizer is not None:
        where = replace(where, file=optimizer.file, line=optimizer.line)
    return replace(finding, where=where)


def _extent(streams: Sequence[Run]) -> tuple[int, dict[str, float]]:
    """Training steps seen, and what observing them cost."""
    steps = 0
    totals = Cost(seconds=0.0, training_seconds=0.0, sampled_steps=0, steps=0)
    for stream in streams:
        last = stream.last_step(LOSS)
        if last is not None:
            steps = max(steps, last + 1)
        cost = stream.fact(Cost)
        if cost is not None:
            totals = Cost(
                seconds=totals.seconds + cost.seconds,
                training_seconds=totals.training_seconds + cost.training_seconds,
                sampled_steps=totals.sampled_steps + cost.sampled_steps,
                steps=totals.steps + cost.steps,
            )
    share = totals.seconds / totals.training_seconds if totals.training_seconds else 0.0
    return steps, {
        "seconds": totals.seconds,
        "share": share,
        "sampled_steps": float(totals.sampled_steps),
        "steps": float(totals.steps or steps),
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


def _why_not_enough(steps: int) -> str:
    if not steps:
        return "no backward pass that an optimizer's step followed was seen, so nothing was trained"
    return f"only {steps} training steps were seen; at least {ENOUGH_STEPS} are needed for a verdict"
