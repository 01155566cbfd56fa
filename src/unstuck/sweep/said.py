"""What a sweep has found out, in sentences: for the page and for the terminal."""

from __future__ import annotations

import math

from unstuck.sweep.attempt import Outcome
from unstuck.sweep.chosen import Tried, Worth
from unstuck.sweep.result import Result
from unstuck.sweep.space import BATCH_SIZE
from unstuck.sweep.wording import setting_words, values_words

__all__ = ["headline", "sentences", "shown_worth", "stops", "trade_rows"]

EXAMPLES = 4
"""Settings that are named of those that one rule has stopped."""


def headline(result: Result) -> str:
    """The best setting in one line."""
    best = result.best
    if best is None:
        return "No setting can be used: every training was stopped or refused"
    mean, spread, _, _ = shown_worth(best)
    measure = "validation accuracy" if best.classes else "validation loss"
    over = f" ± {spread} over {best.seeds} seeds" if spread else " (one seed)"
    return f"{values_words(result.space, best.setting)}: {measure} {mean}{over}"


def sentences(result: Result) -> tuple[str, ...]:
    """How sure it is, what it is against the recipe as it stands, and what was tried."""
    found = [_sure(result), _against(result), _edges(result), _test(result), _tried(result)]
    return tuple(sentence for sentence in found if sentence)


def shown_worth(worth: Worth) -> tuple[str, str, str, str]:
    """Mean, spread between seeds, loss and worth on the test part, as they are to be read."""
    form = "{:.1%}" if worth.classes else "{:.4g}"
    spread = "" if math.isnan(worth.spread) else f"{100 * worth.spread:.1f}" if worth.classes else f"{worth.spread:.2g}"
    test = "-" if worth.test is None else form.format(worth.test)
    return form.format(worth.mean), spread, f"{worth.loss:.4g}", test


def stops(result: Result) -> tuple[tuple[str, int, str, str], ...]:
    """What was stopped, by reason: the rule or the reason, how many, what it said of the first, and some settings."""
    groups: dict[str, list[Tried]] = {}
    for one in result.stopped:
        groups.setdefault(one.outcome.code or _reason(one.outcome), []).append(one)
    rows: list[tuple[str, int, str, str]] = []
    for reason, group in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        named = "; ".join(setting_words(result.space, one.attempt) for one in group[:EXAMPLES])
        more = f"; and {len(group) - EXAMPLES} more" if len(group) > EXAMPLES else ""
        rows.append((reason, len(group), group[0].outcome.said, named + more))
    return tuple(rows)


def trade_rows(result: Result) -> tuple[tuple[str, str, str, str], ...]:
    """Batch size, best accuracy, seconds to a good one, and accuracy per second."""
    return tuple(
        (
            str(trade.size),
            f"{trade.accuracy:.1%}",
            f"{trade.seconds:.2f}" if math.isfinite(trade.seconds) else "not reached",
            f"{100 * trade.speed:.1f}% / s" if math.isfinite(trade.seconds) else "-",
        )
        for trade in result.trade
    )


def _reason(outcome: Outcome) -> str:
    return "pruner" if outcome.said.startswith("pruned by") else outcome.reason


def _sure(result: Result) -> str:
    best, rival = result.best, result.rival
    if best is None:
        return "The reasons stand below; `unstuck check` looks at what no setting of these keys changes."
    if result.trade and BATCH_SIZE in best.setting:
        return (
            f"Batch size {best.setting[BATCH_SIZE]} is the first to come to 99% of the best accuracy: smaller ones "
            "waste the matrix operations, larger ones make too few updates."
        )
    if result.sure is None or rival is None:
        return "How sure that is cannot be said: no other setting was trained with several seeds."
    second = values_words(result.space, rival.setting)
    mean, spread, _, _ = shown_worth(rival)
    if result.sure:
        return f"It is surely better than the next, {second} ({mean} ± {spread}): by more than chance explains, at 95%."
    return f"It cannot be told from the next, {second} ({mean} ± {spread}): with so few seeds that may be chance."


def _against(result: Result) -> str:
    best, stands = result.best, result.stands
    if best is None:
        return ""
    if stands is None:
        halted = next((one for one in result.stopped if one.attempt.setting == result.space.stands), None)
        return f"The recipe as it stands was stopped: {halted.outcome.said}." if halted and halted.outcome.said else ""
    if stands.setting == best.setting:
        return "The recipe as it stands was the best: what was there is put back."
    mean, spread, _, _ = shown_worth(stands)
    return f"The recipe as it stands has {mean}{f' ± {spread}' if spread else ''}."


def _edges(result: Result) -> str:
    """Where the best lies at the end of a range, so that it may lie beyond."""
    if result.best is None:
        return ""
    ends: list[str] = []
    for axis in result.space.axes:
        value = result.best.setting.get(axis.key)
        if axis.range and not axis.range.open and value in (axis.range.low, axis.range.high):
            ends.append(f"{axis.key}={axis.written(value)}")
    return f"The best lies at the end of its range, and may lie beyond: {', '.join(ends)}." if ends else ""


def _test(result: Result) -> str:
    if result.best is None or result.best.test is None:
        return ""
    measure = "accuracy" if result.best.classes else "loss"
    return f"On the test part, by which nothing was chosen: {measure} {shown_worth(result.best)[3]}."


def _tried(result: Result) -> str:
    stopped = len(result.stopped)
    whole = "" if result.finished else " The sweep is not over; the same command goes on with it."
    ended = f", {stopped} of them stopped early" if stopped else ""
    return f"{len(result.tried)} trainings{ended}, {result.seconds:.1f} s of training; {result.strategy}.{whole}"
