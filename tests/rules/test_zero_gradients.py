from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import signals
from unstuck.record.facts import Graph, Model, Parameter
from unstuck.rules.zero_gradients import ZeroGradients
from unstuck.testing.rules import record

NAN = float("nan")


def zeros(
    folder: Path, columns: dict[str, list[float]], *, reached: tuple[str, ...] | None = None
) -> ZeroGradients | None:
    model = Model(type="Net", parameters=tuple(Parameter(name=name, shape=(3, 4)) for name in columns))
    graph = Graph(step=0, reached=tuple(columns) if reached is None else reached)
    with record(folder, tables={signals.GRADIENT_NORM: columns}, facts=(model, graph)) as run:
        return ZeroGradients.of(run)


def test_parameters_without_any_gradient_are_not_counted(tmp_path: Path) -> None:
    found = zeros(tmp_path, {"a": [0.0, 0.0], "b": [NAN, NAN], "c": [0.1, 0.0]}, reached=("a", "c"))
    assert found is not None
    assert (found.always, found.share, found.whole) == (("a",), 0.5, False)
    assert (found.since, found.samples, found.at_the_end) == (1, 1, ("a", "c"))


def test_a_gradient_that_comes_back_is_not_gone(tmp_path: Path) -> None:
    found = zeros(tmp_path, {"a": [0.0, 0.0, 0.1], "b": [0.0, 0.0, 0.0]})
    assert found is not None
    assert (found.since, found.samples, found.always) == (None, 0, ("b",))


def test_all_from_the_start(tmp_path: Path) -> None:
    found = zeros(tmp_path, {"a": [0.0] * 3, "b": [0.0, NAN, 0.0]})
    assert found is not None
    assert (found.whole, found.samples, found.steps) == (True, 3, (0, 2))


@pytest.mark.parametrize("columns", [{}, {"a": [NAN, NAN]}])
def test_none_without_gradients(tmp_path: Path, columns: dict[str, list[float]]) -> None:
    assert zeros(tmp_path, columns) is None
