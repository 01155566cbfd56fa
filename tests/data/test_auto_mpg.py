import importlib.util

import pytest

from unstuck.data import load


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="needs the extra mnist")
def test_cars() -> None:
    data = load("auto-mpg", scale=False, validation=0.0, test=0.0)
    assert (data.task, data.features, len(data.train)) == ("regression", (7,), 392)
    assert data.train.targets.min().item() == 9.0
    assert data.train.targets.max().item() == pytest.approx(46.6)
    years = data.train.inputs[:, 5]
    assert (years.min().item(), years.max().item()) == (70.0, 82.0)
