"""What trials add to a verdict: findings confirmed or refuted, in a new order, and causes that only trials show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unstuck.confirm.advice import advice, beside
from unstuck.confirm.effect import CERTAIN, LEAST, Effect
from unstuck.confirm.tested import HELPFUL, Tested, best_of, results_of
from unstuck.confirm.trial import Plan, Trial
from unstuck.record import Confirmation, Evidence, Finding, Learnt

__all__ = ["BY_TRIAL", "FOUND_BY_TRIAL", "with_trials"]

FOUND_BY_TRIAL = "E101"
"""Code of a finding that no rule makes: a change restores learning, and so its cause is known."""

BY_TRIAL = (
    "No rule names the cause, but a change to the training restores learning: `unstuck confirm` has run it again for a "
    "few steps, unchanged and with the change, and what did not learn learns. The cause is the one that this change "
    "mends. Where others help alike, they are named as tried; the confidence is lower then."
)
"""What ``unstuck explain`` says of it."""

ACCURACIES = ("training accuracy", "balanced accuracy", "evaluation accuracy")

SHARE = "share of the loss explained"
"""What is compared where the loss itself is another one with the change."""

LEAST_TERM = "share explained of the term that is learnt least"
"""What is compared of several losses that are added up."""

DOUBT_LEFT = 0.2
"""Share of the doubt that is left of a finding that is confirmed (our choice)."""

DOUBT_OF_ONE = 0.5
"""The same where one draw shows it, whose noise is that of its batches only (our choice)."""

ODDS_LEFT = 1.0 / 3.0
"""By what the odds of a finding are multiplied whose changes do nothing: of changes that mend a true cause one in three
does not show it in a bounded trial, and nearly all do nothing for a false one (our choice)."""

UNLIKELY = 0.5
"""Confidence below which a refuted finding comes last."""

OF_MISTAKES = (
    *("softmax-axis", "axes-exchanged", "output-activation", "output-squeezed", "labels-mapped", "finite-data"),
    *("gradients-cleared", "parameters-given", "attached", "sign-flipped"),
)
"""Remedies that change what is wrong or right, and no number of which another is better."""

MUCH = 0.2
"""Share of what the control leaves that must be learnt with a change for a note of its own (our choice)."""

IMPROVABLE = ("improvable", "not learnt", "cannot be told")
"""What is shown of trainings for which a change that helps is worth a note."""

COMPARABLE = 0.5
"""Share of the gain of the best change that another must have to be a proof beside it (our choice)."""


def with_trials(
    findings: Sequence[Finding], learning: Sequence[Learnt], trials: Sequence[Trial]
) -> tuple[Finding, ...]:
    """The findings of a run after its trials.

    One whose cause is proved by a change that helps about as much as the best one is confirmed and comes first; where
    its advice asks for what mends another cause too, and that alone helps, it names this one. One whose changes surely
    help less than half as much as another is refuted if one of them would mend its cause: less sure, and last if it is
    unlikely then; a symptom of it that is proved takes its place. One that is neither says what its changes did; one
    that nothing was tried for stays as it is. A change that restores learning where no finding names its cause is one
    itself, behind those that are surer, or likely and untried; an error if the training did not learn; if it did, in
    more steps than a trial has, a note; so is one that helps much and mends what seemed a mistake, where the rules say
    nothing. Whatever else helps much, be it a number of which another is better, is a note behind all others, where the
    training is not shown to be healthy, and all that was found was tried.

    Args:
        findings: Those of the rules, ranked.
        learning: What is shown of each training.
        trials: The trials of the run.
    """
    results = results_of(trials)
    best = best_of(results)
    failed = [trial.plan for trial in trials if trial.failed]
    judged = [_led_by_what_is_proved(_judged(finding, results, best, failed), results) for finding in findings]
    known = {one.cause for finding in judged for one in (finding, *finding.symptoms) if one.confirmed is not None}
    judged.sort(key=_order)
    silent = all(one.severity == "note" for one in judged)
    shows = best is not None and (best.effect.says == "restores" or (silent and _mends(best)))
    if best is not None and shows and not known & set(best.plan.causes):
        new = _found(best, results, failed, learnt=all(one.shown != "not learnt" for one in learning))
        tried = {cause for one in results if one.effect.says != "unknown" for cause in one.plan.causes}
        place = sum(_order(one) < _order(new) or _stays(one, new, tried=one.cause in tried) for one in judged)
        judged.insert(place, new)
    elif best is not None and _worth_a_note(best, judged, learning) and not known & set(best.plan.causes):
        judged.append(_found(best, results, failed, learnt=True))
    return tuple(judged)


def _worth_a_note(best: Tested, judged: Sequence[Finding], learning: Sequence[Learnt]) -> bool:
    """Whether a change helps much a training that can be improved: by two draws, or by most of what is left.

    Not beside what was found and could not be tried: to learn more may be no help then, as where it overfits.
    """
    improvable = any(one.shown in IMPROVABLE for one in learning)
    tried = all(one.severity == "note" or one.confirmed or one.refuted or one.undecided for one in judged)
    return improvable and tried and _helps_much(best) and (_agreed(best) or best.effect.decisive)


def _helps_much(best: Tested) -> bool:
    return best.effect.says in HELPFUL and best.effect.advance > MUCH * min(best.effect.left, 1.0)


def _mends(best: Tested) -> bool:
    """Whether a change of what seemed a mistake helps much, though it does not restore learning in a bounded trial."""
    return _helps_much(best) and all(name in OF_MISTAKES for name, _ in best.plan.changes)


def _judged(finding: Finding, results: Sequence[Tested], best: Tested | None, failed: Sequence[Plan]) -> Finding:
    own = [one for one in results if finding.cause in one.plan.causes]
    symptoms = tuple(_judged(one, results, best, failed) for one in finding.symptoms)
    told = [one for one in own if one.effect.says != "unknown"]
    if not told:
        return replace(finding, symptoms=symptoms)
    first = best_of(told) or max(told, key=lambda one: one.effect.gain)
    proves = first.effect.says in HELPFUL and best is not None and _comparable(first.effect, best.effect)
    if proves:
        return replace(
            finding,
            cause=_proved_cause(finding, first, told),
            symptoms=symptoms,
            confirmed=_confirmation(first),
            confidence=1.0 - (DOUBT_LEFT if _agreed(first) else DOUBT_OF_ONE) * (1.0 - finding.confidence),
            advice=advice(finding, first, told, results, failed),
        )
    refuted = (
        best is not None
        and all(_surely_less(one.effect, best.effect) for one in told)
        and any(one.plan.decides for one in told)
    )
    return replace(
        finding,
        symptoms=symptoms,
        refuted=_confirmation(first) if refuted else None,
        undecided="" if refuted else _undecided(first),
        confidence=_doubted(finding.confidence) if refuted else finding.confidence,
        advice=f"Not this: {_confirmation(first)}." if refuted else finding.advice,
    )


def _proved_cause(finding: Finding, first: Tested, told: Sequence[Tested]) -> str:
    """The cause that is proved: another one, where the advice asks for what mends it, and what mends only its own does
    not help as much.
    """
    others = [cause for cause in first.plan.causes if cause != finding.cause]
    own = [one for one in told if one.plan.causes == (finding.cause,)]
    as_good = any(one.effect.says in HELPFUL and _comparable(one.effect, first.effect) for one in own)
    told_apart = not as_good and (own or first.effect.says == "restores")
    return others[0] if others and told_apart else finding.cause


def _undecided(one: Tested) -> str:
    """What a change did that neither proves nor refutes its cause, in a sentence."""
    told, said = one.effect, str(replace(_confirmation(one), helped=False))
    if told.says in HELPFUL:
        return f"helps, but far less than another change: {said}"
    if told.says == "harms":
        return f"makes it worse: {said}"
    if told.gain > told.noise:
        times = f"better by {told.gain / told.noise:.2g} times the noise"
        certain = told.gain > CERTAIN * told.noise
        return f"{'makes little difference' if certain else 'not certain yet'}: {said}; {times}"
    return f"makes no difference that noise does not: {said}"


def _led_by_what_is_proved(finding: Finding, results: Sequence[Tested]) -> Finding:
    """A symptom in place of its finding, where its change mends nearly all and the finding's own was tried in vain.

    One that is a note leads none.
    """
    tried = [one for one in results if finding.cause in one.plan.causes and one.effect.says != "unknown"]
    if finding.confirmed is not None or not tried:
        return finding
    decisive = {cause for one in results if one.effect.decisive for cause in one.plan.causes}
    of_weight = [one for one in finding.symptoms if one.severity != "note"]
    proved = [one for one in of_weight if one.confirmed is not None and one.cause in decisive]
    if not proved:
        return finding
    under = (replace(finding, symptoms=()), *(one for one in finding.symptoms if one is not proved[0]))
    return replace(proved[0], symptoms=(*proved[0].symptoms, *under))


def _comparable(own: Effect, best: Effect) -> bool:
    """Whether a change helps about as much: has learnt as much of what the control has not, where anything was."""
    if best.advance > LEAST:
        return own.advance >= COMPARABLE * best.advance
    return own.gain >= COMPARABLE * best.gain


def _agreed(one: Tested) -> bool:
    """Whether a second draw shows the same."""
    return one.effect.agree > 1


def _confirmation(one: Tested) -> Confirmation:
    told = one.effect
    return Confirmation(
        remedy=one.plan.words,
        metric=_metric(told),
        before=told.before,
        after=told.after,
        start=told.start,
        noise=told.noise,
        seeds=told.seeds,
        agree=told.agree,
        steps=told.steps,
        helped=told.says in HELPFUL,
    )


def _surely_less(own: Effect, best: Effect) -> bool:
    """Whether a change surely does not help as much as another; one whose noise allows it is not told."""
    return own.says == "harms" or (own.says == "nothing" and own.gain + CERTAIN * own.noise < COMPARABLE * best.gain)


def _metric(told: Effect) -> str:
    if told.yardstick == "least learnt term":
        return LEAST_TERM
    if told.rescaled:
        return SHARE
    return str(told.yardstick) if told.yardstick in ACCURACIES else "loss"


def _found(best: Tested, results: Sequence[Tested], failed: Sequence[Plan], *, learnt: bool) -> Finding:
    """The finding that a change itself is."""
    cause = best.plan.causes[0]
    rivals = [one for one in results if one is not best and one.effect.says in HELPFUL and best.effect.learnt > 0.0]
    close = any(one.effect.gain > 0.9 * best.effect.gain and one.plan.causes != best.plan.causes for one in rivals)
    said, restores = str(_confirmation(best)), best.effect.says == "restores"
    more = "" if restores else " more"
    return Finding(
        code=FOUND_BY_TRIAL,
        cause=cause,
        severity="note" if learnt or not restores else "error",
        confidence=(0.8 if _agreed(best) else 0.65) if restores and not close else 0.5,
        summary=f"{best.plan.words} it learns{more}: {said.removeprefix(best.plan.words).strip()}",
        advice=f"Train {best.plan.words}.{beside(best, results, failed)}",
        evidence=(Evidence(signal="loss", value=best.effect.after, note=best.plan.words),),
        confirmed=_confirmation(best),
    )


def _doubted(confidence: float) -> float:
    """The confidence of a finding whose changes did nothing."""
    odds = ODDS_LEFT * confidence / max(1.0 - confidence, 1e-9)
    return odds / (1.0 + odds)


def _order(finding: Finding) -> tuple[bool, bool, bool]:
    """What was confirmed first, what is unlikely by trials last of what is no note; otherwise as before."""
    unlikely = finding.refuted is not None and finding.confidence < UNLIKELY
    return finding.severity == "note", unlikely, finding.confirmed is None


def _stays(finding: Finding, new: Finding, *, tried: bool) -> bool:
    """Whether a finding that was not confirmed stays before one that only trials show.

    One that nothing was tried for does if it is likely, for nothing speaks against it: what restores learning may make
    up for it. One whose change was tried in vain does if it is likely, and surer.
    """
    alike = (finding.severity == "note") == (new.severity == "note")
    likely = finding.confidence >= UNLIKELY
    return alike and likely and (not tried or finding.confidence > new.confidence)
