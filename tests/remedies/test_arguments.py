from __future__ import annotations

from types import SimpleNamespace

import pytest

from unstuck.remedies.arguments import temporarily


def test_attributes_come_back_after_an_error() -> None:
    layer = SimpleNamespace(training=False, momentum=0.0)

    def fail() -> None:
        with temporarily(layer, training=True, momentum=0.1):
            assert layer == SimpleNamespace(training=True, momentum=0.1)
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert layer == SimpleNamespace(training=False, momentum=0.0)
