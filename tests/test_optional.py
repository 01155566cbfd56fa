"""Packages that are missing are missed by name, with the command that installs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from unstuck.errors import MissingPackageError, UnstuckError
from unstuck.optional import require


def test_a_package_that_is_there() -> None:
    assert require("json.decoder", extra="train", purpose="this test") is sys.modules["json.decoder"]


def test_a_package_goes_by_the_name_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(MissingPackageError) as raised:
        require("sklearn.datasets", extra="train", purpose="the data set 'digits'")
    assert str(raised.value) == ("scikit-learn is needed for the data set 'digits'; pip install 'unstuck[train]'")
    assert isinstance(raised.value, UnstuckError)
    assert isinstance(raised.value, ImportError)


def test_a_package_that_is_installed_and_broken_is_not_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_one.py").write_text("import a_part_that_is_gone")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackageError, match=r"cannot be imported \(No module named 'a_part_that_is_gone'\); pip"):
        require("broken_one", extra="train", purpose="this test")
