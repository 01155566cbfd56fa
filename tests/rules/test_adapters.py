"""The products of adapters, where they alone are trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Adapter, Model, Parameter
from unstuck.rules.adapters import Products
from unstuck.testing.rules import record

PARAMETERS = (
    Parameter(name="base", shape=(9, 6), trainable=False, optimized=False),
    Parameter(name="up", shape=(9, 2)),
    Parameter(name="down", shape=(2, 6)),
    Parameter(name="head", shape=(3, 9)),
)
ADAPTER = Adapter(zero="up", other="down", frozen="base")


def run_with(
    folder: Path, sizes: Sequence[float], *, head: float = 0.0, adapters: Sequence[Adapter] = (ADAPTER,)
) -> Run:
    steps = len(sizes)
    moved = {"base": [0.0] * steps, "up": [0.1] * steps, "down": [0.1] * steps, "head": [head] * steps}
    tables = {
        signals.ADAPTER_SIZE: {name: list(sizes) if name == "up" else [math.nan] * steps for name in moved},
        signals.UPDATE_NORM: moved,
        signals.UPDATE_RATIO: {name: [value / 2.0 for value in norms] for name, norms in moved.items()},
        signals.WEIGHT_NORM: {name: [2.0] * steps for name in moved},
    }
    return record(
        folder,
        series={signals.LOSS: [1.0] * steps},
        tables=tables,
        facts=(Model(type="Net", parameters=PARAMETERS), *adapters),
    )


def test_sizes_behind_the_first_steps_and_at_most(tmp_path: Path) -> None:
    products = Products.of(run_with(tmp_path, [0.1 * step for step in range(20)]))
    assert products is not None
    assert (products.after(10), products.largest()) == pytest.approx((0.9, 1.9))


def test_beside_a_head_that_is_trained_too_products_alone_say_nothing(tmp_path: Path) -> None:
    assert Products.of(run_with(tmp_path, [0.1] * 9, head=0.1)) is None


def test_a_run_without_adapters_has_none(tmp_path: Path) -> None:
    assert Products.of(run_with(tmp_path, [0.1] * 9, adapters=())) is None
