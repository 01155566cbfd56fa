"""Trainings by the names that the user gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from unstuck.record import Finding, Run, TrainingName
from unstuck.record.facts import Model, Optimizer

__all__ = ["name_trainings", "placed"]


def name_trainings(streams: Sequence[Run]) -> Mapping[int, TrainingName]:
    """The name of each training, by its stream: the variable of the model and the line that makes the optimizer.

    Of several trainings of one name, such as folds or the points of a search, each has its turn: the 4th of 10.
    """
    plain = {stream.number: _plain_name(stream) for stream in streams}
    counts, seen = Counter(plain.values()), Counter[TrainingName]()
    named: dict[int, TrainingName] = {}
    for number, name in plain.items():
        seen[name] += 1
        named[number] = replace(name, position=seen[name], count=counts[name])
    return named


def placed(finding: Finding, training: TrainingName) -> Finding:
    """The finding with the training that it concerns, where a run holds several."""
    where = replace(finding.where, training=training)
    if where.file is None:
        where = replace(where, file=training.file, line=training.line)
    return replace(finding, where=where)


def _plain_name(stream: Run) -> TrainingName:
    model, optimizer = stream.fact(Model), stream.fact(Optimizer)
    return TrainingName(
        variable=model.variable if model else "",
        type=model.type if model else "",
        file=optimizer.file if optimizer else None,
        line=optimizer.line if optimizer else None,
    )
