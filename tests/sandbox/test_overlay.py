"""An overlay by itself: where it says that things are."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("posix")

from unstuck.sandbox.overlay import Overlay


@pytest.fixture
def base(tmp_path):
    base = tmp_path.resolve()
    for name in ("work/runs", "work/sub", "kept"):
        (base / name).mkdir(parents=True)
    (base / "work" / "old.txt").write_text("old")
    (base / "work" / "old.txt").chmod(0o640)
    return base


@pytest.fixture
def overlay(base):
    return Overlay(base / "kept", [base / "work"], real=[base / "work" / "runs"])


def test_a_file_is_copied_with_its_mode_and_times_before_it_is_changed(base, overlay):
    name = f"{base}/work/old.txt"
    assert overlay.place(name) == name
    written = Path(overlay.to_write(name))
    assert overlay.place(name) == str(written) != name
    assert written.read_text() == "old"
    assert written.stat().st_mode == Path(name).stat().st_mode
    assert written.stat().st_mtime_ns == Path(name).stat().st_mtime_ns


def test_who_asks_at_the_same_time_gets_the_whole_file(base, overlay):
    (base / "work" / "sub" / "large.bin").write_bytes(bytes(8 << 20))
    name = f"{base}/work/sub/large.bin"
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda _: Path(overlay.to_write(name)).stat().st_size, range(8)))
    assert sizes == [8 << 20] * 8
    assert sorted(path.name for path in (base / "kept").iterdir()) == ["removed", "written"]


def test_a_file_that_is_replaced_is_not_copied(base, overlay):
    assert Path(overlay.to_write(f"{base}/work/old.txt", keep=False)).read_text() == ""


def test_names_are_without_links_and_steps_back(base, overlay):
    (base / "work" / "data").symlink_to(base / "work" / "sub")
    (base / "work" / "round").symlink_to("round")
    assert overlay.name(f"{base}/work/data/../old.txt") == f"{base}/work/old.txt"
    assert overlay.name(f"{base}/work//./data/x") == f"{base}/work/sub/x"
    assert overlay.name(f"{base}/work/data", follow=False) == f"{base}/work/data"
    assert overlay.name(overlay.to_write(f"{base}/work/old.txt")) == f"{base}/work/old.txt"
    with pytest.raises(OSError) as circle:
        overlay.name(f"{base}/work/round")
    assert circle.value.errno == errno.ELOOP
    with pytest.raises(FileNotFoundError):
        overlay.name("")


def test_a_folder_that_is_gone_takes_with_it_what_it_held(base, overlay):
    (base / "work" / "sub" / "x.txt").write_text("x")
    sub = f"{base}/work/sub"
    with pytest.raises(OSError) as full:
        overlay.remove_folder(sub)
    assert full.value.errno == errno.ENOTEMPTY
    overlay.remove(f"{sub}/x.txt")
    overlay.remove_folder(sub)
    assert not overlay.sees(sub)
    Path(overlay.to_make(sub)).mkdir()
    assert overlay.entries(sub) == []
    assert (base / "work" / "sub" / "x.txt").exists()


def test_what_is_made_must_not_be_there(base, overlay):
    with pytest.raises(FileExistsError):
        overlay.to_make(f"{base}/work/old.txt")
    overlay.remove(f"{base}/work/old.txt")
    assert not Path(overlay.to_make(f"{base}/work/old.txt")).exists()


def test_renaming_takes_the_place_of_what_was_there(base, overlay):
    (base / "work" / "other.txt").write_text("other")
    overlay.rename(f"{base}/work/other.txt", f"{base}/work/old.txt")
    assert Path(overlay.place(f"{base}/work/old.txt")).read_text() == "other"
    assert sorted(overlay.entries(f"{base}/work")) == ["old.txt", "runs", "sub"]
    with pytest.raises(IsADirectoryError):
        overlay.rename(f"{base}/work/old.txt", f"{base}/work/sub")
    with pytest.raises(OSError) as across:
        overlay.rename(f"{base}/work/old.txt", f"{base}/work/runs/old.txt")
    assert across.value.errno == errno.EXDEV
    assert (base / "work" / "old.txt").read_text() == "old"


def test_two_names_of_one_file(base, overlay):
    overlay.link(f"{base}/work/old.txt", f"{base}/work/same.txt")
    Path(overlay.to_write(f"{base}/work/same.txt")).write_text("changed")
    assert Path(overlay.place(f"{base}/work/old.txt")).read_text() == "changed"
    assert (base / "work" / "old.txt").read_text() == "old"


def test_writes_elsewhere_are_refused_and_those_to_real_folders_stay(base, overlay):
    with pytest.raises(PermissionError, match="a trial may write only below"):
        overlay.to_write(f"{base}/outside.txt")
    assert overlay.to_write(f"{base}/work/runs/x") == f"{base}/work/runs/x"
    assert overlay.to_write("/dev/null") == "/dev/null"
