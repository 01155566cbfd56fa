"""A confirmation that is ended from outside: nothing runs on, what was made is kept, another goes on with the rest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from unstuck.confirm.trial import read_trials

SCRIPT = """
import time
import torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(512, 20)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-5)
for step in range(120):
    batch = torch.randint(0, 512, (64,))
    loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    time.sleep(0.02)
"""

CONFIRM = ("-m", "unstuck", "confirm", "run", "--yes", "--minutes", "4", "--steps", "80", "--jobs", "1")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home").resolve()
    (home / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "unstuck", "run", "--out", "run", "train.py"]
    subprocess.run(command, cwd=home, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return home


def running_in(folder: Path) -> list[str]:
    """Processes whose working directory it is."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def until(true: Callable[[], bool], seconds: float = 200.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *CONFIRM], cwd=folder, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT, text=True
    )


def second_trial_runs(folder: Path) -> bool:
    folders = list((folder / "run" / "trials").glob("*/begun"))
    return len(read_trials(folder / "run")) == 1 and len(folders) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_what_was_made_is_kept_and_another_goes_on(
    watched: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = watched
    shutil.rmtree(folder / "run" / "trials", ignore_errors=True)
    process = begun(folder)
    until(lambda: second_trial_runs(folder))
    process.send_signal(number)
    said, _ = process.communicate(timeout=200)
    until(lambda: not running_in(folder), 30.0)
    (first,) = read_trials(folder / "run")
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Interrupted; what was made is kept" in " ".join(said.split())
        assert "lr-too-low" in said
    else:
        assert process.returncode == -number
    made = (first.folder / "ended.json").stat().st_mtime_ns
    again = begun(folder)
    until(lambda: len(read_trials(folder / "run")) >= 2)
    again.send_signal(signal.SIGKILL)
    again.communicate(timeout=60)
    assert (first.folder / "ended.json").stat().st_mtime_ns == made
    assert sorted(path.name for path in folder.iterdir()) == ["run", "train.py"]


def test_two_at_once_are_refused(watched: Path) -> None:
    shutil.rmtree(watched / "run" / "trials", ignore_errors=True)
    one = begun(watched)
    until(lambda: bool(list((watched / "run" / "trials").glob("*/begun"))))
    other = subprocess.run([sys.executable, *CONFIRM], cwd=watched, capture_output=True, text=True, timeout=200)
    one.send_signal(signal.SIGINT)
    one.communicate(timeout=200)
    assert other.returncode == 2
    assert "is being tried by another `unstuck confirm`" in other.stderr
