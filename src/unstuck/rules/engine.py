"""Apply rules to a run: evaluate, group symptoms under their cause, rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from unstuck.record import Finding, NotEvaluated, Run, Verdict
from unstuck.record.facts import Cost
from unstuck.record.finding import SEVERITIES, VerdictKind
from unstuck.record.signals import LOSS, Signal
from unstuck.rules.catalogue import RULES
from unstuck.rules.rule import Rule

__all__ = ["judge"]

ENOUGH_STEPS = 10
"""Training steps below which silence means nothing."""


def judge(run: Run, rules: Sequence[Rule] = RULES) -> Verdict:
    """Judge a run by rules.

    Each rule ends fired, clear or not evaluated in each stream of the run. Over several streams a rule fired if it
    fired in one, and is clear if it was evaluated in one.

    Args:
        run: The run, finished or still being written.
        rules: The rules to apply; all of them by default.

    Returns:
        The verdict, its findings ranked by severity and confidence, each with its symptoms under it.
    """
    findings: list[Finding] = []
    evaluated: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    streams = run.streams()
    for rule in rules:
        for stream in streams:
            outcome = evaluate(rule, stream)
            if isinstance(outcome, NotEvaluated):
                reasons.setdefault(rule.code, outcome.reason)
                continue
            evaluated[rule.code] = True
            findings.extend(outcome)
        if not streams:
            reasons[rule.code] = "nothing was recorded"
    fired = {finding.code for finding in findings}
    steps, cost = _extent(streams)
    kind: VerdictKind = "healthy"
    reason = ""
    ranked = rank(findings, rules)
    if any(finding.severity != "note" for finding in ranked):
        kind = "findings"
    elif steps < ENOUGH_STEPS:
        kind, reason = "not enough data", _why_not_enough(steps)
    return Verdict(
        kind=kind,
        findings=ranked,
        clear=tuple(rule.code for rule in rules if rule.code in evaluated and rule.code not in fired),
        not_evaluated={code: reason for code, reason in reasons.items() if code not in evaluated},
        cost=cost,
        reason=reason,
    )


def evaluate(rule: Rule, stream: Run) -> list[Finding] | NotEvaluated:
    """One rule on one stream: findings, none where it is clear, or why it could not be evaluated."""
    for need in rule.needs:
        if isinstance(need, Signal):
            if not stream.has(need):
                return NotEvaluated(reason=f"no {need.key} was recorded: {need.missing}")
        elif not stream.knows(need):
            return NotEvaluated(reason=f"nothing is known of the {need.kind.replace('_', ' ')}")
    findings: list[Finding] = []
    for outcome in rule.check(stream):
        if isinstance(outcome, NotEvaluated):
            return outcome
        findings.append(outcome)
    return findings


def rank(findings: Iterable[Finding], rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """Order findings, the likeliest root cause first, and put symptoms under the finding that explains them.

    A finding that several others explain goes under the first of them. Among findings of one severity the more
    confident comes first; between equals, the order of the catalogue decides, which lists causes by how early in
    the flow of training they act: data, model, initialisation, gradient, then what follows from them.
    """
    order = {rule.code: position for position, rule in enumerate(rules)}
    explains = {rule.code: frozenset(rule.explains) for rule in rules}
    queue = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.confidence, order[f.code]))
    explained: dict[int, int] = {}
    for position, finding in enumerate(queue):
        for candidate, other in enumerate(queue):
            if finding.code in explains[other.code] and other.code != finding.code and candidate not in explained:
                explained[position] = candidate
                break
    roots = [position for position in range(len(queue)) if position not in explained]
    symptoms = {root: tuple(queue[p] for p, cause in explained.items() if cause == root) for root in roots}
    return tuple(replace(queue[root], symptoms=symptoms[root]) for root in roots)


def _extent(streams: Sequence[Run]) -> tuple[int, dict[str, float]]:
    """Training steps seen, and what observing them cost."""
    steps = 0
    totals = Cost(seconds=0.0, training_seconds=0.0, sampled_steps=0, steps=0)
    for stream in streams:
        loss = stream.series(LOSS)
        if len(loss):
            steps = max(steps, int(loss.steps[-1]) + 1)
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


def _why_not_enough(steps: int) -> str:
    if not steps:
        return "no backward pass was seen, so nothing was trained"
    return f"only {steps} training steps were seen; at least {ENOUGH_STEPS} are needed for a verdict"
