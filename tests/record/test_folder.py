"""Runs that begin in the same second do not share a folder."""

from __future__ import annotations

import pytest

from unstuck.errors import RunWriteError
from unstuck.record.folder import new_folder


def test_each_run_has_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [new_folder("digits") for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(folder.is_dir() for folder in folders)


def test_a_file_in_the_way_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunWriteError, match="--out"):
        new_folder("digits")
