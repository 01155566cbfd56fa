"""The vitals of large models: attention, experts, ranks, adapters, sizes, the partition function, the batch's noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from unstuck.learning.loss_call import batch_size
from unstuck.learning.vitals import by_module, head, noise_scale, root_mean_squares
from unstuck.record import Run, Series, Table, facts, signals
from unstuck.record.numbers import number, share
from unstuck.report.layers import drawn, finite_columns
from unstuck.report.plot import Line, Plot, Reference, block, ends_note
from unstuck.report.wording import Words

__all__ = ["vitals"]

LARGE = (signals.ATTENTION_LOGIT, signals.EXPERT_LOAD, signals.LOG_PARTITION, signals.ADAPTER_SIZE)
"""What a run has that is of a kind of model with vitals."""

DEEP = 24
"""Tensors of weights from which a model has them too, as one that is compiled, whose attention cannot be looked at."""


def vitals(run: Run, words: Words, *, rows: int) -> tuple[Plot, ...]:
    """The plots that there is something to draw in; none for a shallow model without attention, experts and vocabulary.

    Args:
        run: One stream of a run.
        words: The language.
        rows: Steps of one plot.
    """
    weights = root_mean_squares(run, signals.WEIGHT_NORM)
    if not any(run.has(signal) for signal in LARGE) and len(weights.names) < DEEP:
        return ()
    logits, entropies = run.table(signals.ATTENTION_LOGIT), run.table(signals.ATTENTION_ENTROPY)
    found = (
        _table("logit", by_module(logits, np.fmax), run, words, rows, worst=np.nanmax, heads=logits),
        _table(
            "entropy", by_module(entropies, np.fmin), run, words, rows, worst=np.nanmin, shares=True, heads=entropies
        ),
        _loads(run, words, rows),
        _table("rank", run.table(signals.EFFECTIVE_RANK), run, words, rows, worst=np.nanmin),
        _partition(run, words, rows),
        _table("adapters", run.table(signals.ADAPTER_SIZE), run, words, rows, worst=np.nanmax, log=True),
        _table("norms", _of(weights, _ends_of_model(run)), run, words, rows, worst=np.nanmax, log=True),
        _table("weights", weights, run, words, rows, worst=np.nanmax, log=True),
        _table("updates", root_mean_squares(run, signals.UPDATE_NORM), run, words, rows, worst=np.nanmax, log=True),
        _table("gradients", run.table(signals.GRADIENT_NORM), run, words, rows, worst=np.nanmax, log=True),
        _noise(run, words, rows),
    )
    return tuple(plot for plot in found if plot is not None)


def _table(
    identity: str,
    table: Table,
    run: Run,
    words: Words,
    rows: int,
    *,
    worst: Callable[..., float],
    shares: bool = False,
    log: bool = False,
    heads: Table | None = None,
) -> Plot | None:
    """A line for each entry; the title tells of the one that is worst at the end, and of which of its heads."""
    names = finite_columns(table)
    if not names:
        return None
    last = {name: float(table.column(name).finite().values[-1]) for name in names}
    where = next(name for name in names if last[name] == worst(list(last.values())))
    first = float(table.column(where).finite().values[0])
    written = share if shares else number
    place = where if heads is None else _with_head(where, heads, last[where], words)
    drawing, notes = drawn(table, names, words, rows)
    return Plot(
        id=identity,
        name=words.say(f"{identity}.name"),
        title=words.say(f"{identity}.title", first=written(first), last=written(last[where]), where=place),
        read=words.say(f"{identity}.read"),
        blocks=(drawing,),
        log="always" if log else "choose" if identity == "logit" else "never",
        shares=shares,
        notes=notes + ends_note(run, table.steps, words),
    )


def _with_head(module: str, heads: Table, value: float, words: Words) -> str:
    """A module with the head that has a value at the end."""
    last = {name: heads.column(name).finite().values[-1] for name in finite_columns(heads)}
    of_module = [name for name in last if name.rpartition("#")[0] == module]
    head = min(of_module, key=lambda name: abs(last[name] - value))
    return words.say("vitals.head", head=head.rpartition("#")[2], layer=module)


def _loads(run: Run, words: Words, rows: int) -> Plot | None:
    table = run.table(signals.EXPERT_LOAD)
    names = finite_columns(table)
    if not names:
        return None
    last = {name: float(table.column(name).finite().values[-1]) for name in names}
    busiest = max(last, key=last.__getitem__)
    router = busiest.rpartition("#")[0]
    idlest = min(value for name, value in last.items() if name.rpartition("#")[0] == router)
    drawing, notes = drawn(table, names, words, rows)
    fair = [1.0 / router.experts for router in run.facts(facts.Router)[:1]]
    return Plot(
        id="load",
        name=words.say("load.name"),
        title=words.say("load.title", last=share(last[busiest]), idlest=share(idlest), where=router),
        read=words.say("load.read"),
        blocks=(drawing,),
        references=tuple(Reference(share(level), level) for level in fair),
        shares=True,
        notes=notes + ends_note(run, table.steps, words),
    )


def _partition(run: Run, words: Words, rows: int) -> Plot | None:
    series = run.series(signals.LOG_PARTITION)
    if not len(series.finite()):
        return None
    ends = series.finite().values
    return _single("partition", series, words, rows, first=number(float(ends[0])), last=number(float(ends[-1])))


def _noise(run: Run, words: Words, rows: int) -> Plot | None:
    scale = noise_scale(run)
    known = scale.finite().values
    if not len(known):
        return None
    batch = batch_size(run)
    size = f"{batch:,.0f}"
    gaps = (words.say("noise.gaps"),) if len(known) < len(scale) else ()
    return _single(
        "noise",
        Series(scale.steps, np.where(np.isfinite(scale.values), scale.values, np.nan)),
        words,
        rows,
        references=(Reference(words.say("noise.batch", batch=size), batch),),
        notes=gaps,
        first=number(float(known[0])),
        last=number(float(known[-1])),
        batch=size,
    )


def _single(
    identity: str,
    series: Series,
    words: Words,
    rows: int,
    *,
    references: tuple[Reference, ...] = (),
    notes: tuple[str, ...] = (),
    **said: str,
) -> Plot:
    name = words.say(f"{identity}.name")
    return Plot(
        id=identity,
        name=name,
        title=words.say(f"{identity}.title", **said),
        read=words.say(f"{identity}.read"),
        blocks=(block(series.steps, [Line(name=name, values=series.values)], rows),),
        references=references,
        log="choose" if identity == "noise" else "never",
        notes=notes,
    )


def _of(table: Table, names: set[str]) -> Table:
    keep = [position for position, name in enumerate(table.names) if name in names]
    return Table(table.steps, tuple(table.names[position] for position in keep), table.values[:, keep])


def _ends_of_model(run: Run) -> set[str]:
    """Names of the embeddings and of the head."""
    return set(_named(run))


def _named(run: Run) -> Iterator[str]:
    model, last = run.fact(facts.Model), head(run)
    yield from (p.name for p in model.parameters if p.role == "embedding") if model else ()
    if last is not None:
        yield last
