"""Trials that do not end by themselves, and what is left of them where writes go to a scratch folder."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from unstuck.confirm.launcher import Launcher
from unstuck.confirm.trial import BEGUN, ENDED, Plan, Trial
from unstuck.record.facts import Invocation
from unstuck.record.signals import LOSS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked")

SCRIPT = """
import sys, time
open("big.bin", "wb").write(bytes(1000))
print("written", flush=True)
time.sleep(600)
"""

TRAINS = """
import time, torch
weight = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
while True:
    optimizer.zero_grad()
    (weight**2).sum().backward()
    optimizer.step()
    time.sleep(0.05)
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
    return Launcher(started, jobs=1), Plan(name="control-seed0", invocation=started)


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


def test_one_that_has_not_begun_to_train_is_late_when_it_is_cut(place):
    folder, written = place / "work" / "runs" / "trial", lambda: list((place / "temporary").rglob("big.bin"))
    launcher, plan = launched(place)
    with launcher:
        launcher.start(plan, folder)
        until(launcher, lambda: bool(written()))  # the program itself runs
        made = launcher.cut()
        assert launcher.names == ()
    assert [one.ended.how for one in made] == ["late"]
    assert not made[0].usable
    kept = Trial.read(folder)
    assert kept is not None
    assert kept.ended.how == "late"


def test_one_that_trains_is_read_as_far_as_it_got_when_it_is_cut(place):
    folder = place / "work" / "runs" / "trial"
    (place / "work" / "train.py").write_text(TRAINS)
    launcher, plan = launched(place)
    with launcher:
        launcher.start(plan, folder)
        until(launcher, lambda: (folder / BEGUN).exists())
        time.sleep(1.0)  # it has begun with its first update, whose loss follows
        made = launcher.cut()
    assert [one.ended.how for one in made] == ["cut"]
    assert made[0].usable
    run = made[0].open()
    assert run is not None
    with run:
        assert len(run.series(LOSS).values) > 0


def test_one_that_goes_on_after_its_seconds_is_ended(place, monkeypatch):
    monkeypatch.setattr("unstuck.confirm.launcher.GRACE", 0.0)
    folder = place / "work" / "runs" / "trial"
    (place / "work" / "train.py").write_text(TRAINS)
    launcher, plan = launched(place)
    with launcher:
        launcher.start(replace(plan, steps=10**9, seconds=0.1), folder)
        until(launcher, lambda: not launcher.names)
    assert (folder / ENDED).exists()
