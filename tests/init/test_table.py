import dataclasses

import pytest
from torch import nn

from unstuck.init import initialize


def test_rows_are_found_by_name_and_frozen():
    table = initialize(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4)))
    assert len(table) == 2
    assert [row.name for row in table] == ["0.weight", "2"]
    assert table["0.weight"].shape == (4, 3)
    with pytest.raises(KeyError, match=r"no row named '1'; there are 0.weight, 2"):
        table["1"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        table["2"].note = "else"


def test_prints_every_row_and_how_it_was_found():
    text = str(initialize(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4))))
    assert "activations found by symbolic trace" in text
    assert "0.weight" in text
    assert "4 × 3" in text
    assert "norm" in text.splitlines()[-1]
    assert "found by" not in str(initialize(nn.Linear(3, 4), "he"))
