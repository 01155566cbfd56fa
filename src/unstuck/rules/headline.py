"""The verdict in words: what is shown of the trainings of a run, with its evidence, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from unstuck.record import Figure, Finding, Learnt, VerdictKind
from unstuck.record.numbers import number, percent
from unstuck.record.verdict import KINDS, Unit

__all__ = ["evidence", "headline", "learning_shown"]

WOULD_TELL = "An evaluation that computes a loss or an accuracy of other examples would tell."

OPENINGS: dict[VerdictKind, str] = {
    "healthy": "It learns",
    "improvable": "It learns in part",
    "not learnt": "It did not learn",
    "cannot be told": "Whether it learnt cannot be told",
    "not enough data": "Not enough data for a verdict",
}

PREDICATES: dict[VerdictKind, tuple[str, str]] = {
    "healthy": ("learns", "learn"),
    "improvable": ("learns in part", "learn in part"),
    "not learnt": ("did not learn", "did not learn"),
    "cannot be told": ("cannot be judged", "cannot be judged"),
    "not enough data": ("was too short for a verdict", "were too short for a verdict"),
    "findings": ("has a problem", "have problems"),
}

LIKELY = 0.6
"""Confidence from which a note is said to be likely, as in a finding's own words."""

SHOWN: tuple[VerdictKind, ...] = ("healthy", "improvable")
"""Kinds that figures speak for: they come first, and a reason after them."""


def headline(
    kind: VerdictKind,
    learning: Sequence[Learnt],
    findings: Sequence[Finding],
    *,
    seen: str = "whole",
    ended: str = "",
    some: bool = False,
    evaluations_tell: bool = True,
) -> str:
    """The verdict in words, with the evidence that it rests on.

    Args:
        kind: The verdict.
        learning: What is shown of each training.
        findings: What was found, ranked.
        seen: How much was seen: whole; blind: parts were not; crashed, interrupted: the program ended early.
        ended: Why watching ended before training did, in a sentence; empty where it did not.
        some: Whether these are but some of the program's trainings, the others of which were not watched.
        evaluations_tell: Whether an evaluation would be seen, and says more than the reason that is given.

    Examples:
        >>> from unstuck.record import TrainingName
        >>> figures = (Figure(what="loss", value=0.05, unit="loss", guess=2.3),)
        >>> learnt = Learnt(training=TrainingName(), kind="healthy", shown="healthy", figures=figures)
        >>> print(headline("healthy", [learnt], []))
        It learns: loss 0.05 where a guess has 2.3. Nothing wrong was found.
    """
    if kind == "findings":
        said = _problems(sum(finding.severity != "note" for finding in findings))
        return f"{ended.rstrip('.')}. {said}" if ended else said
    if ended:
        return f"{OPENINGS['cannot be told']}: {ended.rstrip('.')}."
    several: list[tuple[VerdictKind, Learnt]] = [(learnt.kind, learnt) for learnt in learning]
    shown = _of_several(several, some=some) if len(learning) > 1 else _of_one(learning[0])
    rest = {
        "healthy": _nothing_wrong(seen),
        "improvable": _held_back(findings) or _nothing_wrong(seen),
        "not learnt": f"{_known(learning)} {_held_back(findings)}",
        "cannot be told": WOULD_TELL if evaluations_tell else "",
        "not enough data": "",
    }
    return f"{shown} {rest[kind]}".strip()


def learning_shown(learning: Sequence[Learnt]) -> str:
    """What is shown of the trainings, whatever was found in them."""
    if len(learning) > 1:
        return _of_several([(learnt.shown, learnt) for learnt in learning])
    return _of_one(learning[0]) if learning else ""


def _of_one(learnt: Learnt) -> str:
    kind, figures = learnt.shown, evidence([learnt])
    if kind in SHOWN:
        return f"{OPENINGS[kind]}: {'; '.join(part for part in (figures, learnt.reason) if part)}."
    after = f"after {learnt.steps:,} steps " if kind == "not learnt" else ""
    known = f" ({figures})" if figures else ""
    return f"{OPENINGS[kind]}: {after}{learnt.reason}{known}."


def _of_several(learning: Sequence[tuple[VerdictKind, Learnt]], *, some: bool = False) -> str:
    """What holds for how many of several trainings, the worst first."""
    sentences: list[str] = []
    for kind in KINDS:
        group = [learnt for own, learnt in learning if own == kind]
        if group:
            sentences.append(f"{_who(group, len(learning), first=not sentences, some=some)} {_what(kind, group)}.")
    return " ".join(sentences)


def _who(group: Sequence[Learnt], count: int, *, first: bool, some: bool) -> str:
    trainings = " trainings that were watched" if some else " trainings"
    if len(group) == count:
        return f"{'Both' if count == 2 else f'All {count:,}'}{trainings}"
    named = f" ({group[0].training})" if len(group) == 1 else ""
    return f"{len(group):,} of {count:,}{trainings if first else ''}{named}"


def _what(kind: VerdictKind, group: Sequence[Learnt]) -> str:
    """What holds of trainings of one kind, with the commonest reason and the range of their figures."""
    reason = Counter(learnt.reason for learnt in group).most_common(1)[0][0]
    figures = evidence(group)
    said = {"findings": "", "not enough data": reason}.get(
        kind, "; ".join(part for part in ((figures, reason) if kind in SHOWN else (reason, figures)) if part)
    )
    return PREDICATES[kind][len(group) > 1] + (f": {said}" if said else "")


def evidence(group: Sequence[Learnt]) -> str:
    """The figures of one training in words, or the range that those of several span.

    Examples:
        >>> from unstuck.record import TrainingName
        >>> def learnt(*figures):
        ...     return Learnt(training=TrainingName(), kind="improvable", shown="improvable", figures=figures)
        >>> evidence([learnt(Figure(what="training accuracy", value=0.78, unit="share", guess=0.6))])
        'training accuracy 78% where the commonest class gives 60%'
        >>> balanced = Figure(what="balanced accuracy", value=0.8, unit="share", guess=0.5)
        >>> evidence([learnt(Figure(what="training accuracy", value=0.9, unit="share", guess=0.9), balanced)])
        'training accuracy 90% where the commonest class gives 90%, balanced 80% where the commonest class gives 50%'
        >>> evidence([learnt(Figure(what="loss", value=v, unit="loss", start=2.0)) for v in (0.1, 0.5)])
        'loss 0.1 to 0.5, 2 at the start'
    """
    alike: dict[str, list[Figure]] = {}
    for learnt in group:
        for figure in learnt.figures:
            alike.setdefault(figure.what, []).append(figure)
    shares = [figures for figures in alike.values() if figures[0].unit == "share"]
    losses = [_loss(figures) for figures in alike.values() if figures[0].unit == "loss"]
    return "; ".join(part for part in (_shares(shares), ", ".join(losses)) if part)


def _shares(measured: Sequence[Sequence[Figure]]) -> str:
    """Accuracies, each of which is called one once, and the share that the commonest class gives alone."""
    words: list[str] = []
    for figures in measured:
        what = figures[0].what.removesuffix(" accuracy") if words else figures[0].what
        guess = _guess(figures)
        alone = f" where the commonest class gives {guess}" if guess else ""
        if words and alone and words[-1].endswith(alone):
            words[-1] = words[-1].removesuffix(alone)
        words.append(f"{what} {_range([figure.value for figure in figures], 'share')}{alone}")
    return ", ".join(words)


def _guess(figures: Sequence[Figure]) -> str:
    guesses = [figure.guess for figure in figures if figure.guess is not None]
    return _range(guesses, "share") if guesses else ""


def _loss(figures: Sequence[Figure]) -> str:
    words = f"{figures[0].what} {_range([figure.value for figure in figures], 'loss')}"
    guesses = [figure.guess for figure in figures if figure.guess is not None]
    starts = [figure.start for figure in figures if figure.start is not None]
    if guesses:
        return f"{words} where a guess has {_range(guesses, 'loss')}"
    return f"{words}, {_range(starts, 'loss')} at the start" if starts else words


def _range(values: Sequence[float], unit: Unit) -> str:
    write = percent if unit == "share" else number
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low} to {high}"


def _problems(count: int) -> str:
    if count == 1:
        return "1 problem was found."
    return f"{count} problems were found; the first is the likeliest root cause."


def _nothing_wrong(seen: str) -> str:
    rest = {
        "whole": ".",
        "blind": " in what could be seen.",
        "crashed": " until the program ended with an error.",
        "interrupted": " until training was interrupted.",
    }
    return f"Nothing wrong was found{rest[seen]}"


def _known(learning: Sequence[Learnt]) -> str:
    clauses = list(dict.fromkeys(clause for learnt in learning for clause in learnt.known))
    known = f"; this is known: {', '.join(clauses[:3])}" if clauses else ""
    return f"No rule names the cause{known}."


def _held_back(findings: Sequence[Finding]) -> str:
    """Notes that are as likely true as not, or more so, as what holds a training back."""
    notes = [finding for finding in findings if finding.severity == "note" and finding.confidence >= 0.5]
    if not notes:
        return ""
    sure = min(note.confidence for note in notes) >= LIKELY
    first = f"{notes[0].summary.rstrip('.')} ({notes[0].code})"
    if len(notes) == 1:
        return f"One thing {'is likely to' if sure else 'may'} hold it back: {first}."
    return f"{len(notes)} things {'are likely to' if sure else 'may'} hold it back, first: {first}."
