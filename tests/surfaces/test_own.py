from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError
from unstuck.surfaces import SURFACES
from unstuck.surfaces.own import surface_of


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_surface.py").write_text("def f(x, y):\n    return x**2 + y**4\n\nlimit = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("mine")
def test_a_function_by_its_name():
    surface = surface_of("own_surface:f", start=(2.0, 0.0))
    assert surface.name == "f"
    assert surface.slopes == "exact"
    assert surface.window == (-1.0, 5.0, -3.0, 3.0)
    assert surface_of("own_surface:f").start == (1.0, 1.0)


def test_a_shipped_surface_from_another_start():
    surface = surface_of("bowl", start=(1.0, 2.0))
    assert surface.start == (1.0, 2.0)
    assert surface.window == SURFACES["bowl"].window
    assert surface.minimum == (0.0, 0.0)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("own_surface:g", "has no function 'g'"),
        ("own_surface:limit", "has no function 'limit'"),
        ("no_such_module:f", "cannot be imported"),
        ("bowel", "did you mean 'bowl'.*module:function"),
    ],
)
def test_what_is_not_there_is_named(target, message):
    with pytest.raises(ArgumentError, match=message):
        surface_of(target)


@pytest.mark.parametrize("window", [(1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 2.0, 2.0)])
def test_an_empty_window_is_refused(window):
    with pytest.raises(ArgumentError, match="LEFT,RIGHT,LOW,HIGH"):
        surface_of("bowl", window=window)
