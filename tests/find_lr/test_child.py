"""The process that trains a script: begun as it is, with its folder, and without anybody who plans trials."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.find_lr.scripts import PLAIN, WORKERS
from unstuck.find_lr import child
from unstuck.find_lr.script_process import OUTPUT, QUESTIONS, REQUEST
from unstuck.sandbox.processes import IN_PLACE, ONCE

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux only")


@contextmanager
def running(folder: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "train.py").write_text(script)
    (folder / REQUEST).write_text(json.dumps({"target": str(folder / "train.py"), "args": []}))
    (folder / QUESTIONS).write_text("")
    command = [sys.executable, "-m", "unstuck.find_lr.child", ONCE, "7", str(folder), IN_PLACE]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    event, number, words = process.stdout.readline().split(" ", 2)
    assert (event, number) == ("said", "7")
    return json.loads(words)


def ask(folder: Path, rates: tuple[float, ...]) -> Path:
    losses = folder / f"losses-{len((folder / QUESTIONS).read_text())}"
    question = json.dumps({"rates": rates, "passed_by": 0, "losses": str(losses), "bound": 1e9}) + "\n"
    for part in (question[:10], question[10:]):  # a line may come in pieces
        with (folder / QUESTIONS).open("a") as file:
            file.write(part)
    return losses


@LINUX
def test_each_question_is_answered_by_a_fork_from_the_same_update(tmp_path: Path) -> None:
    with running(tmp_path, PLAIN) as process:
        known = heard(process)
        assert (known["method"], known["rate"], known["parameters"], known["forks"]) == ("SGD", 0.001, 5, True)
        made: list[list[float]] = []
        for _ in range(2):
            losses = ask(tmp_path, (0.1,) * 12)
            assert heard(process) == {"done": True}
            made.append([json.loads(line)["loss"] for line in losses.read_text().splitlines()])
        assert made[0] == made[1]
        assert made[0][-1] < made[0][0]
        assert len(made[0]) == 12


@pytest.mark.slow
def test_one_that_cannot_be_forked_makes_one_trial_itself_and_ends(tmp_path: Path) -> None:
    with running(tmp_path, WORKERS) as process:
        assert heard(process)["forks"] is False
        losses = ask(tmp_path, (0.1,) * 3)
        assert process.wait(120.0) == 0
        assert len(losses.read_text().splitlines()) == 3


def test_a_script_that_comes_to_no_update_says_how_it_ended(tmp_path: Path) -> None:
    with running(tmp_path, "print('begun')\nraise KeyError('mine')") as process:
        assert heard(process) == {"ended": "the script ended with KeyError: 'mine'"}
        assert process.wait(60.0) == 0
    assert (tmp_path / OUTPUT).read_text().startswith("begun")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    begun, children = set(child._children()), child._children  # what other tests have left running
    monkeypatch.setattr(child, "_children", lambda: [other for other in children() if other not in begun])


@LINUX
def test_a_small_model_alone_in_its_process_is_forked(alone: None) -> None:
    assert child.forkable(child.SMALL)
    assert not child.forkable(child.SMALL + 1)


@LINUX
def test_threads_children_and_accelerators_are_lost_in_a_fork(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert not child.forkable(10)
        other.communicate(b"\n")
    assert child.forkable(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading, "active_count", lambda: 2)
        assert not child.forkable(10)
    with monkeypatch.context() as patched:
        patched.setattr(torch.accelerator, "is_available", lambda: True)
        assert not child.forkable(10)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "platform", "darwin")
        assert not child.forkable(10)
