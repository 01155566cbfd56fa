"""A module's text becomes a function, kept in the cache folder."""

from __future__ import annotations

import numpy as np
import pytest

from unstuck.errors import MissingPackageError
from unstuck.optim import compilation
from unstuck.optim.compilation import available, compiled

SOURCE = """\
def twice(x):
    return x + x


def total(words, count):
    sum = 0
    for k in range(count):
        sum += twice(load_integer(words, k))
    return sum
"""


def test_the_text_may_use_intrinsics_and_its_own_helpers(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSTUCK_CACHE_DIR", str(tmp_path))
    function = compiled(SOURCE, name="doubled", entry="total", helpers=("twice",), arguments=2, answers=True)
    words = np.array([1, 2, 30], np.int64)
    assert function(words.ctypes.data, 3) == 66
    assert [path.name.startswith("doubled_") for path in (tmp_path / "kernels").glob("*.py")] == [True]


def test_available_says_whether_numba_is_there(monkeypatch):
    available.cache_clear()
    assert available()

    def missing():
        raise MissingPackageError("no Numba")

    monkeypatch.setattr(compilation, "numba", missing)
    available.cache_clear()
    assert not available()
    available.cache_clear()


def test_numba_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "numba", None)
    with pytest.raises(MissingPackageError, match=r"unstuck\[train\]"):
        compilation.numba()
