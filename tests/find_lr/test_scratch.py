from pathlib import Path

import pytest

from unstuck.errors import ArgumentError
from unstuck.find_lr import scratch as module
from unstuck.find_lr.scratch import large_files, scratch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    here = tmp_path / "project"
    (here / "src" / "__pycache__").mkdir(parents=True)
    (here / "train.py").write_text("a")
    (here / "src" / "model.py").write_text("b")
    (here / ".venv").mkdir()
    (here / ".venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("1")
    return here


def test_what_is_written_in_the_copy_does_not_reach_the_original(project: Path) -> None:
    with scratch(project) as copy:
        (copy / "train.py").write_text("changed")
        (copy / "src" / "model.py").unlink()
        (copy / "new").write_text("")
    assert (project / "train.py").read_text() == "a"
    assert (project / "src" / "model.py").exists()
    assert not (project / "new").exists()
    assert not copy.exists()


def test_neighbours_are_found_environments_linked_and_caches_left_out(project: Path) -> None:
    with scratch(project) as copy:
        assert (copy / ".." / "data" / "x.csv").read_text() == "1"
        assert (copy / ".venv").is_symlink()
        assert not (copy / "src" / "__pycache__").exists()


def test_large_files_are_linked_and_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 100)
    (project / "big.bin").write_bytes(b"x" * 200)
    assert large_files(project) == [project / "big.bin"]
    with scratch(project) as copy:
        assert (copy / "big.bin").is_symlink()
        assert not (copy / "train.py").is_symlink()
    assert (project / "big.bin").stat().st_size == 200


def test_too_much_to_copy_is_refused_with_the_way_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_MOST", 1)
    with pytest.raises(ArgumentError, match="--in-place"), scratch(project):
        pass
