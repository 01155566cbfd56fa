"""Why a loss was thrown: which of the vitals left its usual range first, as far as it was sampled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from unstuck.learning.spikes import FAR, THRICE, Spike, throws
from unstuck.learning.vitals import Vital, vitals
from unstuck.record import Run, Series, signals
from unstuck.record.facts import ThrownBatch, ThrownTensor
from unstuck.record.thrown import Departure, Throw

__all__ = ["explained"]

MOST = 8
"""Throws that are explained."""

NAMED = 3
"""Departures that are named of one."""

START, END = 0.1, 0.75
"""The part of the steps before a throw whose samples say what is usual: past the start, and before what led to it."""

LEAST = 1.25
"""Times its usual size that a weight or a rate must reach at least, which does not scatter from batch to batch."""

FEWEST = 8
"""Samples that say what is usual."""


def explained(run: Run) -> tuple[Throw, ...]:
    r"""The throws of a training's loss, each with what left its usual range before it.

    A vital is outside where it lies above

    .. math:: m \exp(\max(8 s, \ln 3)), \quad m = \mathrm{median}\, x, \quad s = 1.4826\, \mathrm{median} |\ln x_i / m|

    of its samples between 10% and 75% of the steps before the throw, or as far below, if it harms by falling; for
    weights and rates, which do not depend on the batch, 1.25 stands for 3, and as much as they went through in these
    steps may be added once more, as they go on. It left its range with the first of the samples that lie outside up to
    the throw; one that came back before is not named, nor one that left it within those 75%, as the loss has stood that
    for long. Where the batch is out of its range, what is less far outside is not named: the batch needs no cause.
    What a step's update or gradient was is known after its loss and cannot have thrown it; its batch, its logits and
    its activations can. Of what left its range at the same sample, causes come before what they cause, and of several
    layers the one that is furthest outside.

    Args:
        run: One stream of a run.
    """
    found = throws(run.series(signals.LOSS))[:MOST]
    known = vitals(run) if found else ()
    looks = {look.step: look for look in run.facts(ThrownBatch)}
    return tuple(_explain(spike, known, looks.get(spike.step)) for spike in found)


def _explain(spike: Spike, known: Sequence[Vital], look: ThrownBatch | None) -> Throw:
    batch, rows, among = _batch(spike.step, look)
    far = max((math.log(one.value / one.limit) for one in batch), default=0.0)
    order = {what: position for position, what in enumerate(dict.fromkeys(vital.what for vital in known))}
    furthest: dict[str, tuple[float, Departure]] = {}
    for vital in known:
        left = _left(vital, spike.step)
        if left is None or left[0] < far:
            continue
        best = furthest.get(vital.what)
        if best is None or (left[1].step, -left[0]) < (best[1].step, -best[0]):
            furthest[vital.what] = left
    found = sorted((one for _, one in furthest.values()), key=lambda one: (one.step, order[one.what]))
    before = [vital for vital in known if np.any(vital.series.steps < spike.step) and vital.what != "learning rate"]
    departures = sorted((*batch, *found), key=lambda one: one.step)
    return Throw(
        step=spike.step,
        loss=spike.value,
        level=spike.level,
        returns=spike.returns,
        departures=tuple(departures[:NAMED]),
        looked=max((int(v.series.steps[v.series.steps < spike.step][-1]) for v in before), default=None),
        rows=rows[:NAMED],
        among=among,
        examples=look.examples(rows, among)[:NAMED] if look else (),
        batch=look.places if look else (),
    )


def _left(vital: Vital, step: int) -> tuple[float, Departure] | None:
    """How far outside of its range a vital was when it left it before a step, and the departure."""
    steps = vital.series.steps
    series = vital.series.between(int(steps[0]), step if vital.ahead else step - 1)
    usual, limit = _range(series, int(steps[0]), step, vital)
    if usual is None or not len(series):
        return None
    outside = ~(series.values <= limit) if vital.rises else series.values < limit
    if not outside[-1]:
        return None
    within = np.flatnonzero(~outside)
    first = int(within[-1]) + 1 if len(within) else 0
    value = float(series.values[first])
    far = math.inf if not value > 0.0 or not math.isfinite(value) else abs(math.log(value / limit))
    since = int(series.steps[first - 1]) if first else None
    at = int(series.steps[first])
    if at < _ending(int(steps[0]), step):
        return None
    return far, Departure(
        what=vital.what, where=vital.where, step=at, value=value, usual=usual, limit=limit, since=since
    )


def _ending(start: int, step: int) -> int:
    """The step at which the part ends that says what is usual."""
    return start + math.floor(END * (step - start))


def _range(series: Series, start: int, step: int, vital: Vital) -> tuple[float | None, float]:
    """The median and the end of the usual range."""
    early = series.between(start + math.ceil(START * (step - start)), _ending(start, step))
    values = early.values[np.isfinite(early.values) & (early.values > 0.0)]
    if len(values) < FEWEST:
        return None, math.inf
    logs = np.log(values)
    level = float(np.median(logs))
    width = max(FAR * 1.4826 * float(np.median(np.abs(logs - level))), math.log(LEAST if vital.state else THRICE))
    if not vital.rises:
        return math.exp(level), math.exp(level - width)
    onward = 2.0 * float(values.max()) - float(values.min()) if vital.state else 0.0
    return math.exp(level), max(onward, math.exp(min(level + width, 700.0)))


def _batch(step: int, look: ThrownBatch | None) -> tuple[list[Departure], tuple[int, ...], int]:
    """What of the batch is out of its range, the first rows that are, and how many rows there are."""
    odd = sorted(_odd(look), key=lambda one: -one[0].largest / one[1]) if look else []
    if not odd:
        return [], (), 0
    tensor, limit = odd[0]
    departure = Departure(
        what=f"largest {tensor.what} of the batch",
        where="",
        step=step,
        value=tensor.largest,
        usual=tensor.usual,
        limit=limit,
        since=step - 1,
    )
    return [departure], tensor.first_rows, tensor.shape[0] if tensor.shape else 1


def _odd(look: ThrownBatch) -> Iterator[tuple[ThrownTensor, float]]:
    for tensor in look.tensors:
        limit = tensor.usual * math.exp(max(FAR * tensor.spread, math.log(THRICE)))
        if tensor.seen >= FEWEST and tensor.largest > limit:
            yield tensor, limit
