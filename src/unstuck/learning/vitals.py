"""The vitals of a training: the numbers that leave their usual range before a loss is thrown, in order of causes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.measured import batch_size
from unstuck.record import Run, Series, Signal, Table, signals
from unstuck.record.facts import Model, Parameter

__all__ = ["Vital", "by_module", "head", "noise_scale", "root_mean_squares", "vitals", "whole_norm"]

WINDOW = 16
"""Cosines of which the noise scale takes the mean."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Vital:
    """A number over the steps that training should hold in a range.

    Attributes:
        what: What it is: ``"largest attention logit"``.
        where: Of which layer or tensor; empty where it is one for all.
        series: Its samples.
        rises: Whether it is too large that harms; otherwise too small.
        ahead: Whether the number of a step is known before the loss of that step, of whose causes it may then be one.
        state: Whether it does not depend on the batch of its step, so that a small change is a change.
    """

    what: str
    where: str
    series: Series
    rises: bool = True
    ahead: bool = False
    state: bool = False


def vitals(run: Run) -> tuple[Vital, ...]:
    """All vitals that a run has, causes before what they cause.

    Args:
        run: One stream of a run.
    """
    return (
        *_rate(run),
        *_each("size of updates", root_mean_squares(run, signals.UPDATE_NORM)),
        *_each("size of weights", root_mean_squares(run, signals.WEIGHT_NORM), state=True),
        *_each("largest attention logit", by_module(run.table(signals.ATTENTION_LOGIT), np.fmax), ahead=True),
        *_each("attention entropy", by_module(run.table(signals.ATTENTION_ENTROPY), np.fmin), rises=False, ahead=True),
        *_each("load of the busiest expert", by_module(run.table(signals.EXPERT_LOAD), np.fmax), ahead=True),
        *_each("largest activation", run.table(signals.ACTIVATION_MAX), ahead=True),
        *_each("effective rank", run.table(signals.EFFECTIVE_RANK), rises=False, ahead=True),
        *_one("log-partition of the output", run.series(signals.LOG_PARTITION), ahead=True),
        *_each("norm of the gradient", run.table(signals.GRADIENT_NORM)),
    )


def by_module(table: Table, join: Callable[[Array, Array], Array]) -> Table:
    """One number for each module, of those of its heads or experts.

    Args:
        table: A number for each, named ``"blocks.0.attention#3"``.
        join: Makes one of two, such as ``numpy.fmax``.

    Examples:
        >>> heads = Table(np.array([0]), ("a#0", "a#1", "b#0"), np.array([[1.0, 3.0, 2.0]]))
        >>> by_module(heads, np.fmax).values.tolist()
        [[3.0, 2.0]]
    """
    joined: dict[str, Array] = {}
    for name, series in table.columns():
        module = name.rpartition("#")[0]
        joined[module] = join(joined[module], series.values) if module in joined else series.values
    values = np.column_stack(list(joined.values())) if joined else np.empty((len(table), 0))
    return Table(table.steps, tuple(joined), values)


def root_mean_squares(run: Run, norms: Signal) -> Table:
    r"""The size of the entries of each tensor, :math:`\|x\| / \sqrt n`, for those whose shape is known."""
    table, counts = run.table(norms), {p.name: math.prod(p.shape) for p in _parameters(run)}
    known = [name for name in table.names if counts.get(name)]
    columns = [table.column(name).values / math.sqrt(counts[name]) for name in known]
    return Table(table.steps, tuple(known), np.column_stack(columns) if columns else np.empty((len(table), 0)))


def whole_norm(table: Table) -> Series:
    r"""The norm of all tensors together, :math:`\sqrt{\sum_p \|g_p\|^2}`; NaN where no norm is known."""
    whole = np.sqrt(np.nansum(table.values**2, axis=1))
    whole[np.isnan(table.values).all(axis=1)] = np.nan
    return Series(table.steps, whole)


def head(run: Run) -> str | None:
    """Name of the matrix that gives the outputs: the last one that belongs to no norm and no embedding."""
    return next(
        (p.name for p in reversed(_parameters(run)) if p.role in ("weight", "other") and len(p.shape) > 1), None
    )


def noise_scale(run: Run) -> Series:
    r"""The simple noise scale of the gradient, in examples: the batch at which noise and gradient are of one size.

    .. math::
        B = \frac{\mathrm{tr}\,\Sigma}{\|G\|^2} \approx b \left(\frac 1 {\bar c} - 1\right)

    Of two batches of b examples the gradients are :math:`G + \epsilon` with :math:`\mathrm{E}\|\epsilon\|^2 =
    \mathrm{tr}\,\Sigma / b`, so that their cosine is :math:`c \approx \|G\|^2 / (\|G\|^2 + \mathrm{tr}\,\Sigma / b)`,
    here the mean over some pairs of successive steps. Infinite where the mean is not positive: the gradient is
    drowned, or steps bounce. Empty where no batch size or no cosines are known.

    Source: McCandlish et al., "An empirical model of large-batch training", 2018, equation 2.9 and appendix A.
    """
    cosines = run.series(signals.GRADIENT_COSINE).finite()
    if len(cosines) < WINDOW or not run.has(signals.BATCH_SIZE):
        return Series(cosines.steps[:0], cosines.values[:0])
    sums = np.cumsum(np.concatenate([[0.0], cosines.values]))
    means = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
    with np.errstate(divide="ignore"):
        scales = np.where(means > 0.0, batch_size(run) * (1.0 / means - 1.0), np.inf)
    return Series(cosines.steps[WINDOW - 1 :], np.maximum(scales, 0.0))


def _parameters(run: Run) -> tuple[Parameter, ...]:
    model = run.fact(Model)
    return model.parameters if model else ()


def _rate(run: Run) -> Iterator[Vital]:
    """The highest rate of any group at each step that has a loss: it is written down where it changes."""
    table, steps = run.table(signals.LEARNING_RATE), run.series(signals.LOSS).steps
    if len(table) and len(steps):
        rates = np.fmax.reduce(table.values, axis=1)
        held = np.maximum(np.searchsorted(table.steps, steps, side="right") - 1, 0)
        yield Vital(what="learning rate", where="", series=Series(steps, rates[held]), state=True)


def _one(what: str, series: Series, *, ahead: bool = False) -> Iterator[Vital]:
    if len(series):
        yield Vital(what=what, where="", series=series, ahead=ahead)


def _each(what: str, table: Table, *, rises: bool = True, ahead: bool = False, state: bool = False) -> Iterator[Vital]:
    for name, series in table.columns():
        known = ~np.isnan(series.values)
        if known.any():
            samples = Series(series.steps[known], series.values[known])
            yield Vital(what=what, where=name, series=samples, rises=rises, ahead=ahead, state=state)
