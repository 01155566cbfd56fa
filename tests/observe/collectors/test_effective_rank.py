from __future__ import annotations

import pytest
import torch

from unstuck.observe.collectors.effective_rank import ROWS, effective_ranks, rows_of


def test_it_is_the_participation_ratio_of_the_covariance() -> None:
    torch.manual_seed(0)
    rows = torch.randn(50, 6) @ torch.randn(6, 6)
    values = torch.linalg.eigvalsh(torch.cov(rows.double().T))
    expected = values.sum() ** 2 / values.square().sum()
    assert float(effective_ranks([rows])[0]) == pytest.approx(float(expected), rel=1e-4)


def test_layers_of_different_shapes_keep_their_places() -> None:
    torch.manual_seed(0)
    line = torch.randn(20, 1) @ torch.randn(1, 8)
    wide = torch.randn(64, 32)
    ranks = effective_ranks([line, wide, line + 1.0, torch.ones(20, 8)])
    assert ranks[0] == pytest.approx(1.0, abs=1e-3)
    assert ranks[2] == pytest.approx(1.0, abs=1e-3)
    assert 15.0 < ranks[1] < 32.0
    assert ranks[3].isnan(), "what does not vary has no directions"


def test_positions_are_spread_over_examples_and_places() -> None:
    places = torch.arange(128.0)[None, :, None].expand(16, 128, 32)
    rows = rows_of(places)
    assert rows is not None
    assert len(rows) <= ROWS
    assert len(rows[:, 0].unique()) > ROWS // 2, "not the same few places of every example"


def test_images_vary_by_channel() -> None:
    rows = rows_of(torch.randn(4, 20, 8, 8))
    assert rows is not None
    assert rows.shape[1] == 20
