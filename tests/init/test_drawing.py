import sys

import pytest
import torch
from torch import nn

from unstuck import init
from unstuck.errors import MissingPackageError
from unstuck.init import activation_statistics, drawing


def test_values_beyond_the_axis_are_piled_up_at_its_ends():
    pytest.importorskip("matplotlib")
    layer = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4))
    statistics = activation_statistics(layer, torch.tensor([[-50.0, 0.1, 70.0, 80.0]]))
    (axes,) = statistics.plot().axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[-2:] == [0.5, 1.0]
    assert sum(heights[:-2]) == 0.5


def test_nothing_to_draw():
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="got 0 layers"):
        activation_statistics(nn.ReLU(), torch.ones(2)).plot()
    with pytest.raises(ValueError, match="columns=0"):
        activation_statistics(nn.Linear(2, 2), torch.ones(2)).plot(columns=0)


def test_without_matplotlib_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"matplotlib is needed for .*; pip install 'unstuck\[plot\]'"):
        drawing.histograms({}, columns=3)


def test_all_lists_the_public_classes():
    public = {name for name, value in vars(init).items() if isinstance(value, type)}
    assert public <= set(init.__all__)
    assert all(hasattr(init, name) for name in init.__all__)
