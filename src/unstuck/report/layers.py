"""Plots with a line for each layer: update ratios, dead units, saturated units."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Signal, Table, facts, signals
from unstuck.record.numbers import number, share
from unstuck.report.plot import Block, Line, Plot, Reference, block, ends_note, missing, reason_missing
from unstuck.report.wording import Words

__all__ = ["dead_units", "drawn", "finite_columns", "saturated_units", "update_ratio"]

LINES = 12
"""Lines of a plot that can still be told apart."""
THUMB = 1e-3
"""The update ratio of CS231n's rule of thumb."""
FAR = 10.0
"""A ratio further than this factor from the rule of thumb is called far from it."""


def update_ratio(run: Run, words: Words, *, rows: int) -> Plot:
    r""":math:`\|\Delta w\| / \|w\|` of each weight tensor; of all parameters where none is known to be a weight.

    Biases and the scales of normalisations start at zero or one, where the ratio says little.
    """
    table, model = run.table(signals.UPDATE_RATIO), run.fact(facts.Model)
    minor = {p.name for p in model.parameters if p.role in ("bias", "norm")} if model else set[str]()
    shown = finite_columns(table)
    shown = [name for name in shown if name not in minor] or shown
    if not shown:
        return missing("ratio", reason_missing(run, signals.UPDATE_RATIO, bool(len(table)), words), words)
    drawing, notes = drawn(table, shown, words, rows)
    notes += ends_note(run, table.steps, words)
    return Plot(
        id="ratio",
        name=words.say("ratio.name"),
        title=_ratio_title(np.column_stack([table.column(name).values for name in shown]), words),
        read=words.say("ratio.read"),
        blocks=(drawing,),
        references=(Reference(words.say("ratio.thumb"), THUMB),),
        log="always",
        notes=notes,
    )


def _ratio_title(values: NDArray[np.float64], words: Words) -> str:
    """The median ratio; where it moved by far, that of the first and that of the last steps."""
    tenth = max(1, len(values) // 10)
    first, whole, last = (
        float(np.median(part[np.isfinite(part)])) if np.isfinite(part).any() else math.nan
        for part in (values[:tenth], values, values[-tenth:])
    )
    if max(first, last) > FAR * min(first, last):
        return words.say("ratio.moved", first=number(first), last=number(last))
    kind = "low" if whole < THUMB / FAR else "high" if whole > THUMB * FAR else "fine"
    return words.say(f"ratio.{kind}", median=number(whole))


def dead_units(run: Run, words: Words, *, rows: int) -> Plot:
    """Share of the units of each rectifier that gave zero for every example of the recent batches."""
    return _shares("dead", signals.DEAD_UNITS, run, words, rows)


def saturated_units(run: Run, words: Words, *, rows: int) -> Plot:
    """Share of the outputs of each bounded activation that lie at its ends."""
    return _shares("saturated", signals.ACTIVATION_SATURATED, run, words, rows)


def _shares(identity: str, signal: Signal, run: Run, words: Words, rows: int) -> Plot:
    table = _typed(run.table(signal), run.fact(facts.Model))
    shown = finite_columns(table)
    if not shown:
        reason = reason_missing(run, signal, bool(np.isinf(table.values).any()), words)
        return missing(identity, reason, words)
    last = {name: float(table.column(name).finite().values[-1]) for name in shown}
    worst = max(last, key=last.__getitem__)
    drawing, notes = drawn(table, shown, words, rows)
    notes += ends_note(run, table.steps, words)
    return Plot(
        id=identity,
        name=words.say(f"{identity}.name"),
        title=words.say(f"{identity}.{'some' if last[worst] > 0 else 'none'}", layer=worst, share=share(last[worst])),
        read=words.say(f"{identity}.read"),
        blocks=(drawing,),
        shares=True,
        notes=notes,
    )


def _typed(table: Table, model: facts.Model | None) -> Table:
    """The same table, with the class of each layer beside its path."""
    types = {layer.path: layer.type for layer in model.layers} if model else {}
    names = tuple(f"{name} ({types[name]})" if name in types else name for name in table.names)
    return Table(table.steps, names, table.values)


def finite_columns(table: Table) -> list[str]:
    """Names of the entries of a table that have a finite sample."""
    return [name for name, series in table.columns() if len(series.finite())]


def drawn(table: Table, names: list[str], words: Words, rows: int) -> tuple[Block, tuple[str, ...]]:
    """The lines of at most :data:`LINES` entries, and a note where there are more."""
    chosen = _choose(table, names)
    depth = {name: position / max(len(names) - 1, 1) for position, name in enumerate(names)}
    lines = [Line(name=n, values=table.column(n).values, tone="depth", depth=depth[n]) for n in chosen]
    notes = () if len(chosen) == len(names) else (words.say("page.some", shown=len(chosen), count=len(names)),)
    return block(table.steps, lines, rows), notes


def _choose(table: Table, names: list[str]) -> list[str]:
    """The first and the last entry, those of the highest and the lowest median, and others evenly between."""
    if len(names) <= LINES:
        return names
    medians = [float(np.median(table.column(name).finite().values)) for name in names]
    must = {0, len(names) - 1, int(np.argmax(medians)), int(np.argmin(medians))}
    even = [round(p) for p in np.linspace(0, len(names) - 1, LINES).tolist() if round(p) not in must]
    chosen = sorted(must | set(even[: LINES - len(must)]))
    return [names[position] for position in chosen]
