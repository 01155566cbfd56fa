"""Trials that do not end by themselves, and what is left of them where writes go to a scratch folder."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable

import pytest

from unstuck.confirm.launcher import Launcher
from unstuck.confirm.trial import Plan, Trial
from unstuck.record.facts import Invocation

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked")

SCRIPT = """
import sys, time
open("big.bin", "wb").write(bytes(1000))
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A program that hangs, where private mounts are not allowed."""
    monkeypatch.setattr("unstuck.sandbox.processes.may_hide_writes", lambda: "not here")
    for name in ("temporary", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "work" / "train.py").write_text(SCRIPT)
    return tmp_path


def launched(place) -> tuple[Launcher, Plan]:
    started = Invocation(target="train.py", folder=str(place / "work"), variables=("PATH", "HOME", "PYTHONPATH"))
    return Launcher(started, seconds_to_start=600.0, jobs=1), Plan(name="control-seed0", invocation=started)


def until(launcher: Launcher, true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120.0
    while not true():
        assert time.monotonic() < end
        launcher.wait()


def test_what_a_trial_wrote_is_gone_when_it_is_killed(place):
    folder, written = place / "work" / "runs" / "trial", lambda: list((place / "temporary").rglob("big.bin"))
    launcher, plan = launched(place)
    with launcher:
        launcher.start(plan, folder)
        until(launcher, lambda: bool(written()))
        launcher._processes.end(folder, signal.SIGKILL)
        until(launcher, lambda: not launcher.names)
        assert written() == []
        assert not (place / "work" / "big.bin").exists()
    assert list((place / "temporary").iterdir()) == []


def test_what_it_wrote_is_gone_when_the_launcher_leaves_or_is_killed(place):
    folder, written = place / "work" / "runs" / "trial", lambda: list((place / "temporary").rglob("big.bin"))
    launcher, plan = launched(place)
    with launcher:
        launcher.start(plan, folder)
        until(launcher, lambda: bool(written()))
        process = launcher._processes._server
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # as when the launcher is killed
        process.wait(60)
        assert list((place / "temporary").iterdir()) == []


def test_one_that_does_not_begin_to_train_in_time_is_late(place):
    folder, written = place / "work" / "runs" / "trial", lambda: list((place / "temporary").rglob("big.bin"))
    launcher, plan = launched(place)
    made: list[Trial] = []
    with launcher:
        launcher.start(plan, folder)
        until(launcher, lambda: bool(written()))  # the program itself runs
        launcher._to_start = 0.0
        end = time.monotonic() + 120.0
        while not made:
            assert time.monotonic() < end
            made.extend(launcher.wait())
    assert made[0].ended.how == "late"
    assert not made[0].usable
    kept = Trial.read(folder)
    assert kept is not None
    assert kept.ended.how == "late"
