from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from unstuck.learning.vitals import by_module, head, noise_scale, root_mean_squares, vitals, whole_norm
from unstuck.record import Table, signals
from unstuck.record.facts import Model, Parameter
from unstuck.testing.rules import record

MODEL = Model(
    type="Net",
    parameters=(
        Parameter(name="words", shape=(10, 4), role="embedding"),
        Parameter(name="head.weight", shape=(3, 4), role="weight"),
        Parameter(name="head.bias", shape=(3,), role="bias"),
    ),
)


def test_the_noise_scale_is_that_of_the_gradients(tmp_path: Path) -> None:
    """Gradients g of batches of b examples, with noise of a known size: tr(Sigma) / |G|^2 = 50 here."""
    generator = torch.Generator().manual_seed(0)
    direction, batch, scale = torch.zeros(1000).index_fill(0, torch.tensor(0), 1.0), 25, 50.0
    deviation = math.sqrt(scale / batch / 1000)
    gradients = [direction + deviation * torch.randn(1000, generator=generator) for _ in range(401)]
    cosines = [float(torch.cosine_similarity(a, b, dim=0)) for a, b in pairwise(gradients)]
    series = {signals.GRADIENT_COSINE: cosines, signals.BATCH_SIZE: [float(batch)] * 400}
    with record(tmp_path, series=series) as run:
        found = noise_scale(run)
    assert float(np.median(found.values)) == pytest.approx(scale, rel=0.1)


def test_drowned_gradients_have_an_infinite_one_and_few_cosines_none(tmp_path: Path) -> None:
    for number, expected in ((40, [math.inf] * 25), (5, [])):
        series = {signals.GRADIENT_COSINE: [-0.1] * number, signals.BATCH_SIZE: [8.0] * number}
        with record(tmp_path / str(number), series=series) as run:
            assert noise_scale(run).values.tolist() == expected


def test_sizes_are_root_mean_squares_of_entries(tmp_path: Path) -> None:
    norms = {"words": [math.sqrt(40.0)], "head.weight": [2.0 * math.sqrt(12.0)], "unknown": [1.0]}
    with record(tmp_path, tables={signals.WEIGHT_NORM: norms}, facts=[MODEL]) as run:
        table = root_mean_squares(run, signals.WEIGHT_NORM)
        assert table.names == ("words", "head.weight")
        assert table.values.tolist() == [pytest.approx([1.0, 2.0], rel=1e-6)]
        assert head(run) == "head.weight"


def test_heads_are_joined_by_module() -> None:
    table = Table(np.array([0, 1]), ("a#0", "a#1", "b#0"), np.array([[1.0, 2.0, 3.0], [np.nan, 5.0, 4.0]]))
    assert by_module(table, np.fmax).values.tolist() == [[2.0, 3.0], [5.0, 4.0]]


def test_the_whole_norm_is_missing_where_all_are() -> None:
    norm = whole_norm(Table(np.array([0, 1]), ("a", "b"), np.array([[3.0, 4.0], [np.nan, np.nan]])))
    assert norm.values[0] == 5.0
    assert math.isnan(norm.values[1])


def test_a_rate_holds_until_it_changes(tmp_path: Path) -> None:
    with record(
        tmp_path,
        series={signals.LOSS: [1.0] * 6},
        tables={signals.LEARNING_RATE: {"a": [0.1, 0.5], "b": [0.2, 0.3]}},
        steps={signals.LEARNING_RATE: [0, 4]},
    ) as run:
        (rate,) = vitals(run)
    assert rate.series.values == pytest.approx([0.2] * 4 + [0.5] * 2)
    assert rate.state
