"""Apply rules to a run: evaluate, group symptoms under their cause, rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from unstuck.errors import RunError
from unstuck.learning.departures import explained
from unstuck.record import Finding, Learnt, NotEvaluated, Run, Throw, Verdict
from unstuck.record.finding import SEVERITIES
from unstuck.record.signals import LOSS, Signal
from unstuck.rules.alike import merge, training_key
from unstuck.rules.catalogue import RULES
from unstuck.rules.choose import choose
from unstuck.rules.naming import name_trainings, placed
from unstuck.rules.rule import Need, Rule
from unstuck.rules.symptoms import explains
from unstuck.rules.unseen import behind, behind_any, reason, words_of
from unstuck.rules.verdict import conclude, learnt_by
from unstuck.rules.yardstick import evaluation_would_tell

__all__ = ["judge"]

FAILED = "the rule itself failed"
"""How the reason begins where a rule raised an exception."""


def judge(
    run: Run,
    rules: Sequence[Rule] = RULES,
    *,
    nothing: str = "",
    failure: str = "",
    experiments: Callable[[Sequence[Finding], Sequence[Learnt]], Sequence[Finding]] | None = None,
) -> Verdict:
    """Judge a run by rules.

    Each rule ends fired, clear or not evaluated in each stream of the run. Over several streams a rule fired if it
    fired in one, and is clear if it was evaluated in one, unless a part of the observation that it rests on failed in
    another; findings then name the training they concern as the user does; what is found in several
    trainings alike, such as the folds of a cross-validation, is said once, of the surest. A rule that fails is
    not evaluated, so that its fault does not cost the verdict of others.
    Of hundreds of trainings some of every kind are judged, and the verdict says so.

    Args:
        run: The run, finished or still being written.
        rules: The rules to apply; all of them by default.
        nothing: Why nothing was trained, where the caller knows it better than the run shows.
        failure: What ended the watching, where the caller knows of it and the run may not.
        experiments: What experiments with the training make of the findings, and of what is shown of each training.

    Returns:
        The verdict: what is shown of each training, and the findings ranked, each with its symptoms under it.

    Raises:
        DamagedRunError: What the run holds is damaged.
    """
    trainings: list[tuple[tuple[object, ...], tuple[Finding, ...]]] = []
    learning: list[Learnt] = []
    throws: list[Throw] = []
    told: list[bool] = []
    tally = Tally()
    whole = run.snapshot()
    streams = whole.streams()
    judged, names = choose(streams), name_trainings(streams)
    for stream in (each.snapshot() for each in judged):  # so that what one has read is forgotten with it
        name = names[stream.number]
        findings = [placed(f, name) if whole.several else f for f in tally.apply(rules, stream)]
        if stream.has(LOSS) or findings:
            trainings.append((training_key(stream), rank(findings, rules, partial(explains, stream))))
            learning.append(learnt_by(stream, name, findings))
            with np.errstate(all="ignore"):
                told.append(evaluation_would_tell(stream))
            throws.extend(replace(throw, training=name) for throw in explained(stream))
    order = _order(rules)
    merged = merge(trainings, lambda finding: _weight(finding, order), chosen=len(judged) < len(streams))
    found = sorted(merged, key=lambda finding: _weight(finding, order))
    return conclude(
        whole,
        streams,
        learning,
        tuple(experiments(found, learning) if experiments else found),
        judged=len(judged),
        clear=tally.clear(rules),
        throws=tuple(throws),
        not_evaluated=tally.not_evaluated() if streams else {rule.code: "nothing was recorded" for rule in rules},
        nothing=nothing,
        failure=failure,
        evaluations_tell=any(told),
    )


@dataclass
class Tally:
    """Which rules fired, were evaluated, or could not be, over the trainings of a run."""

    fired: set[str] = field(default_factory=set)
    evaluated: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def apply(self, rules: Sequence[Rule], stream: Run) -> list[Finding]:
        """What the rules find in one training."""
        findings: list[Finding] = []
        for rule in rules:
            outcome = evaluate(rule, stream)
            if isinstance(outcome, NotEvaluated):
                (self.unread if outcome.unread else self.reasons).setdefault(rule.code, outcome.reason)
                continue
            self.evaluated.add(rule.code)
            findings.extend(outcome)
        self.fired.update(finding.code for finding in findings)
        return findings

    def clear(self, rules: Sequence[Rule]) -> tuple[str, ...]:
        """Codes of the rules that were evaluated and did not fire, in their order."""
        return tuple(rule.code for rule in rules if rule.code in self.evaluated - self.fired - self.unread.keys())

    def not_evaluated(self) -> dict[str, str]:
        """Codes of the rules that could not be evaluated, each with its reason."""
        left = {code: why for code, why in self.reasons.items() if code not in self.evaluated}
        return left | {code: why for code, why in self.unread.items() if code not in self.fired}


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


def rank(
    findings: Iterable[Finding], rules: Sequence[Rule], explained: Callable[[str, str], bool]
) -> tuple[Finding, ...]:
    """Order the findings of one training, the likeliest root cause first, with symptoms under what explains them.

    Explanations chain: what explains a symptom of a symptom stands above both, and every finding is kept, under one
    root. A finding that several others explain goes under the first of them. A note explains notes alone, for what does
    no harm cannot be the cause of harm; a root is as severe as the worst that it explains. The surer finding comes
    first, then the more harmful, and notes last; between equals, the order of the catalogue decides, which lists causes
    by how early in the flow of training they act: data, model, initialisation, gradient, then what follows from them.

    Args:
        findings: The findings.
        rules: The catalogue.
        explained: Whether a finding of the first code explains one of the second; without circles.
    """
    order = _order(rules)
    queue = sorted(findings, key=lambda finding: _weight(finding, order))
    parents: dict[int, int] = {}
    for position, finding in enumerate(queue):
        for candidate, other in enumerate(queue):
            harmful = other.severity != "note" or finding.severity == "note"
            if harmful and explained(other.code, finding.code):
                parents[position] = candidate
                break
    symptoms: dict[int, list[Finding]] = {}
    for position, finding in enumerate(queue):
        root = position
        while root in parents:
            root = parents[root]
        symptoms.setdefault(root, [])
        if root != position:
            symptoms[root].append(finding)
    roots = [_with_symptoms(queue[root], tuple(below)) for root, below in symptoms.items()]
    return tuple(sorted(roots, key=lambda finding: _weight(finding, order)))


def _order(rules: Sequence[Rule]) -> dict[str, int]:
    return {rule.code: position for position, rule in enumerate(rules)}


def _weight(finding: Finding, order: Mapping[str, int]) -> tuple[bool, float, int, int]:
    """Belief that it is the cause before harm, for the harm of what is not the cause stays when it is mended."""
    harm = SEVERITIES.index(finding.severity)
    return finding.severity == "note", -finding.confidence, harm, order[finding.code]


def _with_symptoms(finding: Finding, symptoms: tuple[Finding, ...]) -> Finding:
    worst = min((f.severity for f in (finding, *symptoms)), key=SEVERITIES.index)
    return replace(finding, severity=worst, symptoms=symptoms)
