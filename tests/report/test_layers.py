from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Index, Run, RunWriter, signals
from unstuck.report import layers
from unstuck.report.wording import ENGLISH


def test_ratios_are_those_of_weights_with_the_rule_of_thumb(healthy: Run, sick: Run) -> None:
    plot = layers.update_ratio(healthy, ENGLISH, rows=500)
    lines = plot.blocks[0].lines
    assert [line.name for line in lines] == ["0.weight", "2.weight", "6.weight", "8.weight"]
    assert [line.depth for line in lines] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert plot.references[0].value == 1e-3
    assert plot.log == "always"
    assert "near the usual 1e-3" in plot.title
    assert "far more than 1e-3" in layers.update_ratio(sick, ENGLISH, rows=500).title


def test_a_ratio_that_moved_far_is_told_from_end_to_end(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.name(Index.PARAMETER, ["a", "b"])
        for step in range(40):
            writer.add(signals.UPDATE_RATIO, step, [10.0 ** (-step / 10), np.nan])
    with Run.open(tmp_path) as run:
        title = layers.update_ratio(run, ENGLISH, rows=500).title
    assert title.startswith("A step changes weights by 0.7")
    assert title.endswith("1.79e-4 at the end")


def test_only_layers_that_can_die_or_saturate_have_lines(sick: Run) -> None:
    dead = layers.dead_units(sick, ENGLISH, rows=500)
    assert [line.name for line in dead.blocks[0].lines] == ["1 (ReLU)", "3 (ReLU)"]
    assert dead.title == "96.0% of the units of layer 1 (ReLU) end dead"
    assert [line.name for line in layers.saturated_units(sick, ENGLISH, rows=500).blocks[0].lines] == ["7 (Tanh)"]


def write(folder: Path, values: np.ndarray) -> None:
    with RunWriter(folder) as writer:
        writer.name(Index.LAYER, [f"layer{i}" for i in range(values.shape[1])])
        for step, row in enumerate(values):
            writer.add(signals.DEAD_UNITS, step, row)


def test_of_many_layers_the_extremes_are_drawn_and_the_rest_is_told(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0.2, 0.4, (20, 50))
    values[:, 7], values[:, 33] = 0.99, 0.01
    write(tmp_path, values)
    with Run.open(tmp_path) as run:
        plot = layers.dead_units(run, ENGLISH, rows=500)
    drawn = {line.name for line in plot.blocks[0].lines}
    assert {"layer0", "layer7", "layer33", "layer49"} <= drawn
    assert len(drawn) == layers.LINES
    assert plot.notes[0].startswith("12 of 50")


def test_no_dead_unit_is_good_news(tmp_path: Path) -> None:
    write(tmp_path, np.zeros((5, 2)))
    with Run.open(tmp_path) as run:
        assert layers.dead_units(run, ENGLISH, rows=500).title == "No layer ends with dead units"


@pytest.mark.parametrize(
    ("draw", "signal"),
    [
        (layers.update_ratio, signals.UPDATE_RATIO),
        (layers.dead_units, signals.DEAD_UNITS),
        (layers.saturated_units, signals.ACTIVATION_SATURATED),
    ],
)
def test_a_plot_without_values_says_why(tmp_path: Path, draw: object, signal: signals.Signal) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        assert draw(run, ENGLISH, rows=100).missing == signal.missing  # pyright: ignore
        writer.name(signal.index, ["a"])
        writer.add(signal, 0, [np.nan])
        writer.flush()
        assert draw(run, ENGLISH, rows=100).missing  # pyright: ignore
