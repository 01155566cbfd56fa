import pytest

from unstuck.curvature import blocks
from unstuck.errors import ArgumentError

NAMES = ["w", "a.b.weight", "a.b.bias", "a.c"]


def test_weights_go_by_layer_or_by_name() -> None:
    assert blocks(NAMES, "layer") == {"w": ("w",), "a.b": ("a.b.weight", "a.b.bias"), "a": ("a.c",)}
    assert blocks(NAMES, "parameter") == {name: (name,) for name in NAMES}
    assert blocks(NAMES, "none") == {}


def test_another_grouping_is_refused() -> None:
    with pytest.raises(ArgumentError, match="blocks='rows': 'layer', 'parameter' or 'none'"):
        blocks(NAMES, "rows")  # type: ignore[arg-type]
