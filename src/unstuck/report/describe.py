"""What a run was: one line for the terminal, rows of facts and the model's layers for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.evaluations import Evaluations
from unstuck.record import Run, facts, signals
from unstuck.record.numbers import number, share
from unstuck.report.wording import Words
from unstuck.rules.course import at_once, ended

__all__ = ["FactRow", "LayerRow", "fact_rows", "layer_rows", "one_line", "trainings"]

EVENTS = 12
"""Events listed one by one."""

NAMED_TRAININGS = 3
"""Trainings of one run that its headline describes, of those that differ."""

CLIMB = 1.01
"""Factor between rates from which on they are told apart; they are kept in single precision."""


@dataclass(frozen=True)
class FactRow:
    """A fact of the run: its name, and one or several lines of text."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class LayerRow:
    """A layer of the model with the parameters that it holds itself.

    Attributes:
        path: Its path; empty for parameters outside any leaf module.
        type: Its class name.
        description: Its ``repr``, shortened.
        shapes: Name and shape of each parameter, ``"weight 32×1×3×3"``.
        count: Numbers in its parameters.
        remarks: What is unusual: frozen, not in the optimizer.
    """

    path: str
    type: str
    description: str
    shapes: tuple[str, ...]
    count: int
    remarks: tuple[str, ...]


def one_line(run: Run, words: Words) -> str:
    """The training in one line: ``digits · CNN · SGD at rate 0.1 · 900 steps · completed``."""
    return _joined(_setting(run, words), run.facts(facts.End)[-1:], words)


def _setting(run: Run, words: Words) -> tuple[str, ...]:
    """What a training is, and how many steps it made."""
    parts: list[str] = []
    if data := run.fact(facts.Data):
        parts.append(data.name)
    if (model := run.fact(facts.Model)) and model.type:  # a program without modules has parameters alone
        parts.append(f"`{model.variable}` {model.type}" if model.variable else model.type)
    if optimizer := run.fact(facts.Optimizer):
        firsts = [group.learning_rate for group in optimizer.groups if group.learning_rate is not None]
        # Of several groups, such as layers that move less the earlier they are, the fastest is spoken of.
        rate = _rate(max(firsts), run.table(signals.LEARNING_RATE).values, words) if firsts else ""
        parts.append(words.say("run.rate", optimizer=optimizer.type, rate=rate) if firsts else optimizer.type)
    if end := run.fact(facts.End):
        parts.append(words.say("run.steps", steps=f"{end.steps:,}"))
    elif len(loss := run.series(signals.LOSS)):
        parts.append(words.say("run.open", steps=f"{int(loss.steps[-1]) + 1:,}"))
    return tuple(parts)


def _joined(setting: tuple[str, ...], ends: Sequence[facts.End], words: Words) -> str:
    return " · ".join((*setting, *([ended(ends)] if ends else []))) or words.say("run.unknown")


def trainings(run: Run, words: Words) -> str:
    """All trainings of a run in one line, those alike counted; as :func:`one_line` where there is but one.

    Whether they ran one after the other or at the same time is said where the run tells it.
    """
    streams = [stream for stream in run.streams() if stream.has(signals.LOSS)]
    if len(streams) < 2:
        return one_line(streams[0] if streams else run, words)
    alike: dict[tuple[object, ...], list[Run]] = {}
    for stream in streams:
        end = stream.fact(facts.End)
        key = (_setting(stream, words), end and end.reason, end is not None and end.unrecorded > 0)
        alike.setdefault(key, []).append(stream)
    lines = ((len(group), _alike(group, words)) for group in alike.values())
    named = [f"{count} × {line}" if count > 1 else line for count, line in lines]
    rest = len(named) - NAMED_TRAININGS
    more = [words.say("run.more", count=rest)] if rest > 0 else []
    order = _order(at_once(streams), len(streams), words)
    return words.say("run.trainings", count=len(streams), order=order, named="; ".join(named[:NAMED_TRAININGS] + more))


def _alike(group: Sequence[Run], words: Words) -> str:
    """Trainings that are and ended alike in one line; backward passes that were not recorded are added up."""
    ends = [end for stream in group for end in stream.facts(facts.End)[-1:]]
    return _joined(_setting(group[0], words), ends, words)


def _order(most: int | None, count: int, words: Words) -> str:
    """Whether trainings ran one after the other; empty where that is not known."""
    if most is None:
        return ""
    key = "sequential" if most == 1 else "simultaneous" if most == count else "overlapping"
    return words.say(f"run.{key}", most=most)


def _rate(first: float, rates: NDArray[np.floating], words: Words) -> str:
    """The rate at the first step; where a schedule climbs from there, also the highest that was reached."""
    known = rates[np.isfinite(rates)]
    peak = float(known.max()) if len(known) else first
    return words.say("run.climb", first=number(first), peak=number(peak)) if peak > CLIMB * first else number(first)


def fact_rows(run: Run, words: Words) -> tuple[FactRow, ...]:
    """Everything that is known of a run besides its signals and its model, in the order of the craft."""
    makers = {
        "data": _data,
        "inputs": _inputs,
        "optimizer": _optimizer,
        "schedule": _schedule,
        "loss": _loss,
        "initial_loss": _initial_loss,
        "training": _training,
        "evaluations": _evaluations,
        "end": _end,
        "non_finite": _non_finite,
        "event": _events,
        "cost": _cost,
        "environment": _environment,
    }
    rows = ((kind, tuple(line for line in maker(run, words) if line)) for kind, maker in makers.items())
    return tuple(FactRow(words.say(f"fact.{kind}"), lines) for kind, lines in rows if lines)


def layer_rows(run: Run, words: Words) -> tuple[LayerRow, ...]:
    """The layers of the model, each with its own parameters; parameters outside any leaf module come last."""
    model = run.fact(facts.Model)
    if model is None:
        return ()
    held: dict[str, list[facts.Parameter]] = {layer.path: [] for layer in model.layers}
    outside: list[facts.Parameter] = []
    for parameter in model.parameters:
        held.get(parameter.name.rpartition(".")[0], outside).append(parameter)
    rows = [_layer(layer, held[layer.path], words) for layer in model.layers]
    if outside:
        other = facts.Layer(path="", type=words.say("model.other"))
        rows.append(_layer(other, outside, words))
    return tuple(rows)


def _layer(layer: facts.Layer, parameters: Iterable[facts.Parameter], words: Words) -> LayerRow:
    parameters = tuple(parameters)
    names = ((p.name if not layer.path else p.name.rpartition(".")[2], p.shape) for p in parameters)
    remarks: list[str] = []
    if any(not p.trainable for p in parameters):
        remarks.append(words.say("model.frozen"))
    if any(p.trainable and not p.optimized for p in parameters):
        remarks.append(words.say("model.not-optimized"))
    return LayerRow(
        path=layer.path,
        type=layer.type,
        description=layer.description,
        shapes=tuple(f"{name} {_shape(shape)}" for name, shape in names),
        count=sum(math.prod(p.shape) for p in parameters),
        remarks=tuple(remarks),
    )


def _shape(shape: Iterable[int]) -> str:
    return "×".join(map(str, shape)) or "1"


def _source(file: str | None, line: int | None) -> str:
    return "" if not file else f"{file}:{line}" if line else file


def _data(run: Run, words: Words) -> Iterator[str]:
    if data := run.fact(facts.Data):
        sizes = {"train": f"{data.train:,}", "validation": f"{data.validation:,}", "test": f"{data.test:,}"}
        yield words.say("fact.data.value", name=data.name, task=data.task, **sizes)
        if data.classes:
            yield words.say("fact.classes", count=data.classes)


def _inputs(run: Run, words: Words) -> Iterator[str]:
    if inputs := run.fact(facts.Inputs):
        batch = words.say("fact.inputs.batch", kind=inputs.kind_of, shape=_shape(inputs.shape))
        low, high = number(inputs.minimum), number(inputs.maximum)
        # Of ids no value was looked at.
        yield words.say("fact.inputs.value", batch=batch, low=low, high=high) if inputs.examples else batch


def _optimizer(run: Run, words: Words) -> Iterator[str]:
    optimizer = run.fact(facts.Optimizer)
    if optimizer is None:
        return
    yield " · ".join(part for part in (optimizer.type, _source(optimizer.file, optimizer.line)) if part)
    rates = run.table(signals.LEARNING_RATE).values
    for place, group in enumerate(optimizer.groups):
        parts = [words.say("fact.group", count=group.parameters)]
        if group.learning_rate is not None:
            own = rates[:, place] if place < rates.shape[1] else rates[:0].reshape(-1)
            parts.append(f"{words.say('fact.learning_rate')} {_rate(group.learning_rate, own, words)}")
        for name in ("momentum", "betas", "epsilon", "weight_decay"):
            value: float | tuple[float, ...] | None = getattr(group, name)
            if value is not None:
                plain = ", ".join(f"{beta:g}" for beta in value) if isinstance(value, tuple) else number(value)
                parts.append(f"{words.say(f'fact.{name}')} {plain}")
        yield " · ".join(parts)


def _schedule(run: Run, words: Words) -> Iterator[str]:
    for kind, per in dict.fromkeys((schedule.type, schedule.per) for schedule in run.facts(facts.Schedule)):
        yield kind if per == "unknown" else words.say("fact.schedule.value", type=kind, per=per)


def _loss(run: Run, words: Words) -> Iterator[str]:
    if loss := run.fact(facts.Loss):
        if loss.function is None:
            yield words.say("fact.loss.unknown")
        else:
            value = words.say("fact.loss.value", function=loss.function, reduction=loss.reduction)
            yield " · ".join(part for part in (value, _source(loss.file, loss.line)) if part)


def _initial_loss(run: Run, words: Words) -> Iterator[str]:
    if loss := run.fact(facts.InitialLoss):
        figures = {name: number(getattr(loss, name)) for name in ("value", "expected", "tolerance")}
        yield words.say("fact.initial_loss.value", formula=loss.formula, **figures)


def _training(run: Run, words: Words) -> Iterator[str]:
    if training := run.fact(facts.Training):
        plan = {"epochs": training.epochs, "steps": training.steps_per_epoch, "patience": training.patience}
        yield " · ".join(words.say(f"fact.training.{key}", count=n) for key, n in plan.items() if n is not None)


def _evaluations(run: Run, words: Words) -> Iterator[str]:
    evaluations = Evaluations.of(run)
    if not evaluations.count:
        return
    known = {"loss": len(evaluations.losses), "accuracy": len(evaluations.accuracies)}
    measured = " · ".join(
        words.say(f"fact.evaluations.{what}", count=f"{count:,}") for what, count in known.items() if count
    )
    sizes = evaluations.examples.finite().values
    yield words.count("fact.evaluations", evaluations.count)
    if len(sizes):
        low, high = f"{sizes.min():,.0f}", f"{sizes.max():,.0f}"
        yield words.say("fact.evaluations.examples" if low == high else "fact.evaluations.sizes", low=low, high=high)
    yield measured or words.say("fact.evaluations.unmeasured")


def _end(run: Run, words: Words) -> Iterator[str]:
    if end := run.fact(facts.End):
        key = "fact.end.partly" if end.unrecorded else "fact.end.value"
        yield words.say(key, reason=ended([end]), steps=f"{end.steps:,}")
        yield end.message


def _non_finite(run: Run, words: Words) -> Iterator[str]:
    for first in run.facts(facts.NonFinite)[:1]:
        value = words.say("fact.non_finite.value", what=first.what, step=f"{first.step:,}")
        yield " · ".join(part for part in (value, first.where) if part)


def _events(run: Run, words: Words) -> Iterator[str]:
    events = run.facts(facts.Event)
    for event in events[:EVENTS]:
        yield words.say("fact.event.value", step=f"{event.step:,}", what=event.what)
    if len(events) > EVENTS:
        yield words.say("fact.event.more", count=len(events) - EVENTS)


def _cost(run: Run, words: Words) -> Iterator[str]:
    if cost := run.fact(facts.Cost):
        part = cost.seconds / cost.training_seconds if cost.training_seconds else math.nan
        counts = {"sampled": f"{cost.sampled_steps:,}", "steps": f"{cost.steps:,}"}
        yield words.say("cost.known", seconds=number(cost.seconds), share=share(part), **counts)


def _environment(run: Run, words: Words) -> Iterator[str]:
    if environment := run.fact(facts.Environment):
        versions = {"unstuck": environment.unstuck, "Python": environment.python, "PyTorch": environment.torch}
        yield " · ".join(f"{name} {version}" for name, version in versions.items() if version)
        yield " · ".join(part for part in (environment.device, environment.platform) if part)
