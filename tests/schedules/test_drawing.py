import sys

import numpy as np
import pytest

from unstuck.errors import MissingPackageError
from unstuck.schedules import drawing


def test_sparkline_has_its_extremes_where_the_values_do():
    line = drawing.sparkline(np.concatenate([np.linspace(0, 1, 500), np.zeros(500)]), width=20)
    assert len(line) == 20
    assert line[9] == "█"
    assert set(line[10:]) == {"▁"}


@pytest.mark.parametrize("values", [np.zeros(5), np.array([])])
def test_sparkline_of_nothing(values):
    assert drawing.sparkline(values) == "▁" * len(values)


def test_without_matplotlib_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"matplotlib is needed for .*; pip install 'unstuck\[plot\]'"):
        drawing.figure({"a": np.ones(3)}, title="t", quantity="q", now=0)
