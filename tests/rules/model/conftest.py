"""Runs of models that are given by their wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Connection, Fact, Layer, Model, Parameter, Wiring
from unstuck.testing.rules import record

Wired = Callable[..., Run]


def model_of(shapes: Sequence[tuple[int, ...]], between: Sequence[str]) -> tuple[Model, Wiring]:
    """A model of linear layers, and what stands before each weight: an operation, "" for nothing, "data"."""
    names = [f"net.{i}.weight" for i in range(len(shapes))]
    wires: list[Connection] = []
    for i, (name, operation) in enumerate(zip(names, between, strict=True)):
        linear = (names[i - 1],) if operation == "" else ()
        operations = (operation,) if operation not in ("", "data") else ()
        wires.append(Connection(parameter=name, linear=linear, operations=operations, inputs=operation == "data"))
    model = Model(
        type="Net",
        layers=tuple(Layer(path=f"net.{i}", type="Linear" if len(s) == 2 else "Conv2d") for i, s in enumerate(shapes)),
        parameters=tuple(Parameter(name=n, shape=s, role="weight") for n, s in zip(names, shapes, strict=True)),
    )
    return model, Wiring(connections=tuple(reversed(wires)))


@pytest.fixture
def wired(tmp_path: Path) -> Wired:
    """Record a training of a model given by its shapes and what stands between them."""
    made = 0

    def call(
        shapes: Sequence[tuple[int, ...]],
        between: Sequence[str],
        *facts: Fact,
        loss: Sequence[float] | None = None,
        gradients: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        updates: Sequence[float] | None = None,
    ) -> Run:
        nonlocal made
        made += 1
        model, wiring = model_of(shapes, between)
        names = [parameter.name for parameter in model.parameters]
        tables = {}
        given = ((signals.GRADIENT_NORM, gradients), (signals.WEIGHT_NORM, weights), (signals.UPDATE_NORM, updates))
        for signal, values in given:
            if values is not None:
                tables[signal] = {name: [value] * 20 for name, value in zip(names, values, strict=True)}
        flat = np.full(100, 2.3) + 0.01 * np.sin(np.arange(100) * 1.7)
        series = {signals.LOSS: flat if loss is None else loss}
        return record(tmp_path / f"run{made}", series=series, tables=tables, facts=(model, wiring, *facts))

    return call
