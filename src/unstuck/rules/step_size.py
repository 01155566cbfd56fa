"""The size of steps against the size of weights, for the parameters of which that says something.

The ratio ||dw|| / ||w|| of a step is about 1e-3 in trainings that go well (CS231n, "Babysitting the learning process").
Biases and the scales and shifts of normalisations start at zero or one and are few; of an embedding a step moves a few
rows. None of these is counted. A matrix that starts at zero, as one of the two of a low-rank adapter does, has no size
yet: its steps are measured by the size that it would have been drawn with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Series, Table, signals
from unstuck.record.facts import GradientChange, Model

__all__ = ["Steps", "clipped_norm", "counted", "elasticity", "usual_sizes"]

SAME_NORMS = 5
"""Samples whose gradients have one norm by clipping alone."""

GOOD_RATIO = 1e-3
"""The rule of thumb for ||dw|| / ||w|| (CS231n)."""


ONLY_ITS_UPDATE = 1e-3
"""How near to 1 the first ratio of a weight lies that was zero: all that it is came with its first update."""


UNCHANGED = 1e-2
"""Share of its norm by which a gradient that nobody has changed may differ, by what half precision rounds."""


def counted(run: Run) -> tuple[str, ...]:
    """Names of the parameters whose update ratio tells the size of the step."""
    names = run.names(signals.UPDATE_RATIO.index)
    model = run.fact(Model)
    roles = {parameter.name: parameter for parameter in model.parameters} if model else {}
    unmeasured = _zero_initialised(run) - usual_sizes(run).keys()

    def counts(name: str) -> bool:
        parameter = roles.get(name)
        if name in unmeasured or name.rsplit(".", 1)[-1].startswith("bias"):
            return False
        return parameter is None or (parameter.role in ("weight", "other") and len(parameter.shape) > 1)

    return tuple(name for name in names if counts(name))


def usual_sizes(run: Run) -> dict[str, float]:
    r"""For each matrix that starts at zero, the norm that LeCun's initialisation would have given it.

    .. math:: \mathrm{E} \|W\|^2 = n_\text{out} n_\text{in} / n_\text{in} = n_\text{out}
    """
    model, zero = run.fact(Model), _zero_initialised(run)
    matrices = [p for p in model.parameters if p.name in zero and len(p.shape) > 1 and p.shape[0]] if model else []
    return {parameter.name: math.sqrt(parameter.shape[0]) for parameter in matrices}


def _zero_initialised(run: Run) -> frozenset[str]:
    """Parameters with no weight before their first update."""
    ratio, update = run.table(signals.UPDATE_RATIO), run.table(signals.UPDATE_NORM)
    weight = run.table(signals.WEIGHT_NORM)
    zero: set[str] = set()
    for position, name in enumerate(run.names(signals.UPDATE_RATIO.index)):
        first_weight = weight.values[:1, position]
        first_update, first_ratio = update.values[:1, position], ratio.values[:1, position]
        moved = first_update.size and first_update[0] > 0 and first_ratio.size
        without_ratio = moved and np.isnan(first_ratio[0])
        only_update = moved and ratio.steps[0] == 0 and abs(first_ratio[0] - 1.0) < ONLY_ITS_UPDATE
        without_weight = first_weight.size and (first_weight[0] == 0.0)
        if without_ratio or only_update or without_weight:
            zero.add(name)
    return frozenset(zero)


def _by_usual_size(run: Run, name: str, size: float) -> dict[int, float]:
    """Update ratios by step, of a weight against the size that it usually has while its own is smaller."""
    update, weight = run.table(signals.UPDATE_NORM), run.table(signals.WEIGHT_NORM)
    column = update.names.index(name)
    own = dict(zip(weight.steps.tolist(), weight.values[:, column].tolist(), strict=True))
    steps, norms = update.steps.tolist(), update.values[:, column].tolist()
    return {step: norm / max(own.get(step, 0.0), size) for step, norm in zip(steps, norms, strict=True)}


@dataclass(frozen=True)
class Steps:
    """Update ratios over a training.

    Attributes:
        table: Update ratios of the counted parameters, by step; steps without any are left out.
    """

    table: Table

    @classmethod
    def of(cls, run: Run) -> Steps:
        """The steps of a run; empty where none was sampled or no parameter counts."""
        table = run.table(signals.UPDATE_RATIO)
        names = counted(run)
        values = table.values[:, [table.names.index(name) for name in names]] if len(table) else np.empty((0, 0))
        for name, size in usual_sizes(run).items():
            if len(table) and name in names:
                known = _by_usual_size(run, name, size)
                values[:, names.index(name)] = [known.get(step, np.nan) for step in table.steps.tolist()]
        values = np.where(np.isfinite(values), values, np.nan)
        keep = ~np.isnan(values).all(axis=1) if values.shape[1] else np.zeros(len(values), dtype=bool)
        return cls(Table(table.steps[keep], names, values[keep]))

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def typical(self) -> Series:
        """The median over parameters, by step."""
        return Series(self.table.steps, np.nanmedian(self.table.values, axis=1) if len(self) else np.empty(0))

    @cached_property
    def largest(self) -> Series:
        """The largest over parameters, by step."""
        return Series(self.table.steps, np.nanmax(self.table.values, axis=1) if len(self) else np.empty(0))

    def late(self) -> float:
        """The median of the typical ratio over the second half of the training."""
        return float(np.median(_second_half(self.typical)))

    def early(self, steps: int = 10) -> float:
        """The largest typical ratio among the first updates."""
        values = self.typical.values[self.typical.steps < self.typical.steps[0] + steps]
        return float(values.max())

    def strongest(self) -> float:
        """The ratio of the most moved parameter, at the 90th percentile over time: warm-ups and decays pass by."""
        return float(np.percentile(self.largest.values, 90))

    def distance(self, updates: int) -> float:
        """How far the most moved parameter can have come over all updates, in units of its size.

        An upper bound, attained where all steps point one way: the mean ratio over time, times the updates.
        """
        steps, values = self.largest.steps, self.largest.values
        if len(steps) < 2:
            return float(values[0]) * updates
        mean = float(np.trapezoid(values, steps)) / float(steps[-1] - steps[0])
        return mean * updates


def _second_half(series: Series) -> NDArray[np.float64]:
    middle = (series.steps[0] + series.steps[-1]) / 2
    return series.values[series.steps >= middle]


def clipped_norm(run: Run) -> float | None:
    """The norm of the whole gradient, where it is the same at all samples while its parts vary; None elsewhere."""
    parts = np.nan_to_num(run.table(signals.GRADIENT_NORM).values)
    norms = np.sqrt(np.square(parts).sum(axis=1))
    if len(norms) < SAME_NORMS or norms.max() == 0.0 or np.ptp(norms) > 1e-3 * norms.max():
        return None
    return float(norms.max()) if np.ptp(parts, axis=0).max() > 1e-2 * norms.max() else None


def elasticity(run: Run) -> float | None:
    r"""By what share the loss changes for each share by which the most sensitive parameter changes.

    .. math:: \max_p \|g_p\| \, \|w_p\| / |L|, \text{ at the median over the first sampled steps}

    It does not depend on the unit of the loss or of the weights. Where it is far below 1e-2 no rate would help: the
    gradient has vanished. The gradient is that of the backward pass, whatever a program makes of it afterwards. None
    where gradients, weights or losses were not sampled, or gradients were clipped to one norm by what was not seen.
    """
    gradient, weight = run.table(signals.GRADIENT_NORM), run.table(signals.WEIGHT_NORM)
    loss = run.series(signals.LOSS).finite()
    shared, rows, columns = np.intersect1d(gradient.steps, weight.steps, return_indices=True)
    if not len(shared) or not len(loss):
        return None
    grown = _altered(run)
    if clipped_norm(run) is not None and grown == 1.0:
        return None
    sizes = weight.values[columns][:10].copy()
    for name, size in usual_sizes(run).items():
        column = weight.names.index(name)
        sizes[:, column] = np.fmax(sizes[:, column], size)
    norms = np.stack([gradient.values[rows][:10], sizes])
    by_step = np.where(np.isfinite(norms), norms, 0.0).prod(axis=0).max(axis=1, initial=0.0)
    size = float(np.median(np.abs(loss.values[:10])))
    return grown * float(np.median(by_step)) / size if size else None


def _altered(run: Run) -> float:
    """How many times larger the backward pass left the gradient than the optimizer got it; 1 where not compared."""
    shares = [change.before / (change.after * change.scale) for change in run.facts(GradientChange) if change.after > 0]
    known = [share for share in shares if math.isfinite(share)]
    factor = float(np.median(known)) if known else 1.0
    return 1.0 if abs(factor - 1.0) < UNCHANGED else factor
