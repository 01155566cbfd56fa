"""Processes that are forked from one, as whoever asks for them sees them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from unstuck.sandbox.processes import Exited, Processes, Said, may_fork

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked")

MODULE = """
import os, sys, time
from pathlib import Path
from unstuck.sandbox.serve import serve

def make(sandbox):
    sandbox.enter(output=sandbox.folder / "output.txt", working=os.getcwd())
    sandbox.say("here with " + os.environ["GIVEN"])
    Path("written.txt").write_text("x")
    print("printed", Path("written.txt").read_text(), flush=True)
    if sandbox.folder.name == "hangs":
        time.sleep(600)
    return SystemExit(3)

if __name__ == "__main__":
    raise serve(make)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "trials.py").write_text(MODULE)
    for name in ("ends", "hangs"):
        (tmp_path / name).mkdir()
    return tmp_path


def begun(place: Path, **options: bool) -> Processes:
    environment = {**os.environ, "GIVEN": "a variable"}
    return Processes("trials", working=place / "work", environment=environment, **options)


@pytest.mark.parametrize("fork", [True, False])
@pytest.mark.parametrize("mounts", [True, False])
def test_what_is_said_and_printed_comes_back_and_what_is_written_does_not(
    place: Path, monkeypatch: pytest.MonkeyPatch, mounts: bool, fork: bool
) -> None:
    monkeypatch.setattr("unstuck.sandbox.processes.may_fork", lambda: fork)
    if not mounts:
        monkeypatch.setattr("unstuck.sandbox.processes.may_hide_writes", lambda: "not here")
    with begun(place) as processes:
        for _ in range(2):
            processes.start(place / "ends")
            assert processes.heard(60.0) == Said(place / "ends", "here with a variable")
            assert processes.heard(60.0) == Exited(place / "ends", 3)
            assert (place / "ends" / "output.txt").read_text() == "printed x\n"
    assert not (place / "work" / "written.txt").exists()


def test_in_place_what_is_written_stays(place: Path) -> None:
    with begun(place, in_place=True) as processes:
        processes.start(place / "ends")
        while not isinstance(processes.heard(60.0), Exited):
            pass
    assert (place / "work" / "written.txt").read_text() == "x"


def test_one_is_ended_by_a_signal_and_silence_is_nothing(place: Path) -> None:
    with begun(place) as processes:
        processes.start(place / "hangs")
        assert isinstance(processes.heard(60.0), Said)
        assert processes.heard(0.01) is None
        processes.end(place / "hangs", signal.SIGKILL)
        assert processes.heard(60.0) == Exited(place / "hangs", -signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_one_that_was_started_anew_is_ended_by_a_signal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unstuck.sandbox.processes.may_fork", lambda: False)
    with begun(place) as processes:
        processes.start(place / "hangs")
        assert isinstance(processes.heard(60.0), Said)
        processes.end(place / "hangs", signal.SIGTERM)
        assert processes.heard(60.0) == Exited(place / "hangs", -signal.SIGTERM)


def test_macos_and_windows_do_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    assert may_fork()
    monkeypatch.setattr("sys.platform", "darwin")
    assert not may_fork()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delattr(os, "fork")
    assert not may_fork()


def test_at_the_end_none_runs_any_more(place: Path) -> None:
    with begun(place) as processes:
        processes.start(place / "hangs")
        assert isinstance(processes.heard(60.0), Said)
        pid = processes._pids[place / "hangs"]
    until = time.monotonic() + 60.0
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until


def test_the_end_of_what_forks_them_is_an_error_each_time(place: Path) -> None:
    (place / "work" / "trials.py").write_text("raise SystemExit(7)")
    with begun(place) as processes:
        processes.start(place / "ends")
        for _ in range(2):
            with pytest.raises(RuntimeError, match="ended with 7"):
                processes.heard(60.0)
