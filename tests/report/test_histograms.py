from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.record import Index, Run, RunWriter, signals
from unstuck.report.histograms import COLUMNS, LAYERS, histograms, rebin
from unstuck.report.wording import ENGLISH


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.floats(-5, 5),
    st.floats(0, 5),
    st.lists(st.floats(-8, 8), min_size=2, max_size=9, unique=True),
)
def test_mass_is_kept_whatever_the_ranges(counts: list[int], low: float, width: float, edges: list[float]) -> None:
    masses = rebin(np.array([counts], float), np.array([low]), np.array([low + width]), np.array(sorted(edges)))
    assert masses.min() >= -1e-9
    assert masses.sum() == pytest.approx(sum(counts))


def test_common_bins_agree_with_a_histogram_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    counts, edges = np.histogram(values, 32)
    common = np.linspace(-3, 3, 13)
    direct, _ = np.histogram(np.clip(values, -3, 3), common)
    laid = rebin(counts[None].astype(float), edges[:1], edges[-1:], common)[0]
    assert laid / len(values) == pytest.approx(direct / len(values), abs=0.01)


def test_a_rectifier_starts_at_zero(healthy: Run) -> None:
    assert {heat.low for heat in histograms(healthy, ENGLISH).maps if heat.type == "ReLU"} == {0.0}


def test_equal_values_stay_in_one_bin() -> None:
    laid = rebin(np.array([[9.0, 0.0]]), np.array([0.5]), np.array([0.5]), np.array([0.0, 1.0, 2.0]))
    assert laid.tolist() == [[9.0, 0.0]]


def test_each_layer_but_reshapes_has_a_map(healthy: Run) -> None:
    figure = histograms(healthy, ENGLISH)
    assert [heat.layer for heat in figure.maps] == ["0", "1", "2", "3", "4", "6", "7", "8"]
    for heat in figure.maps:
        assert heat.densities.shape == (48, COLUMNS)
        assert (heat.densities.max(axis=0) == 255).all()
    tanh = figure.maps[6]
    assert tanh.low == pytest.approx(-1, abs=0.02)
    assert tanh.high == pytest.approx(1, abs=0.02)


def test_columns_stand_evenly_in_steps_although_samples_do_not(healthy: Run) -> None:
    steps = np.array(histograms(healthy, ENGLISH).maps[0].steps)
    assert (np.abs(steps - np.linspace(steps[0], steps[-1], COLUMNS)) <= 2.5).all()


def write(folder: Path, count: int, value: float) -> None:
    with RunWriter(folder) as writer:
        writer.name(Index.LAYER, [f"blocks.{i}" for i in range(count)])
        for step in range(3):
            writer.add(signals.ACTIVATION_MIN, step, np.full(count, value))
            writer.add(signals.ACTIVATION_MAX, step, np.full(count, value))
            writer.add(signals.ACTIVATION_HISTOGRAM, step, np.tile(np.eye(32)[0], (count, 1)))


def test_a_deep_model_shows_some_layers_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, 60, 0.0)
    with Run.open(tmp_path) as run:
        figure = histograms(run, ENGLISH)
    assert len(figure.maps) == LAYERS
    assert f"{LAYERS} of 60 layers" in " ".join(figure.notes)
    assert (figure.maps[0].layer, figure.maps[-1].layer) == ("blocks.0", "blocks.59")


@pytest.mark.parametrize(("value", "reason"), [(float("inf"), "no value is finite")])
def test_layers_that_are_not_finite_are_told(tmp_path: Path, value: float, reason: str) -> None:
    write(tmp_path, 2, value)
    with Run.open(tmp_path) as run:
        assert histograms(run, ENGLISH).missing == reason


def test_what_was_not_recorded_says_why(tmp_path: Path) -> None:
    with RunWriter(tmp_path), Run.open(tmp_path) as run:
        assert histograms(run, ENGLISH).missing == signals.ACTIVATION_HISTOGRAM.missing


def test_vanishing_spread_is_in_the_title(healthy: Run, sick: Run) -> None:
    assert "survives" in histograms(healthy, ENGLISH).title
    assert "differs" in histograms(sick, ENGLISH).title
