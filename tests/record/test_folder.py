"""Runs that begin in the same second do not share a folder, and the newest is found."""

from __future__ import annotations

import os

import pytest

from unstuck.errors import NotARunError, RunWriteError
from unstuck.record import RunWriter
from unstuck.record.folder import new_folder, newest_run
from unstuck.record.schema import FILE_NAME


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


def test_the_newest_run_is_the_one_that_was_written_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, age in (("runs/b", 30), ("runs/a", 10), ("runs/group/c", 20)):
        RunWriter(tmp_path / name).close()
        os.utime(tmp_path / name / FILE_NAME, (1e9 - age, 1e9 - age))
    assert str(newest_run()) == "runs/a"
    log = tmp_path / "runs/group/c" / f"{FILE_NAME}-wal"
    log.write_bytes(b"")
    assert str(newest_run()) == "runs/group/c", "what is newest may still be in the log"


def test_folders_in_a_circle_end(tmp_path):
    RunWriter(tmp_path / "runs" / "a").close()
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    assert newest_run(tmp_path / "runs") == tmp_path / "runs" / "a"


@pytest.mark.parametrize(("made", "said"), [(False, "is not here"), (True, "holds no run")])
def test_no_run_at_all_is_said(tmp_path, made, said):
    if made:
        (tmp_path / "runs" / "empty").mkdir(parents=True)
    with pytest.raises(NotARunError, match=rf"{said}; give the folder of a run.*unstuck run train.py"):
        newest_run(tmp_path / "runs")
