"""What is shown of trials while they are made, and how a command proves a run that has just ended."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from unstuck.cli.trials import may_prove, prove, shown
from unstuck.cli.verdict import STRICT_EXIT
from unstuck.confirm.trial import OUTPUT, Ended, Plan, Trial


def trial(folder: Path, **ended) -> Trial:
    (folder / OUTPUT).write_text("Traceback\nKeyError: 'x'\n")
    return Trial(folder=folder, plan=Plan(name="t", words="with the rate at 0.1", seed=1), ended=Ended(**ended))


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"how": "bound"}, "made its steps"),
        ({"how": "time"}, "had its seconds"),
        ({"how": "finished"}, "ended by itself"),
        ({"how": "late"}, "did not begin to train in time"),
        ({"how": "cut"}, "was ended, for the time is over"),
        ({"how": "killed"}, "was killed"),
        ({"how": "crashed", "status": 1}, "ended with an error"),
        ({"how": "bound", "changed": False}, "did not meet what was to be changed"),
    ],
)
def test_each_trial_has_a_line(tmp_path, ended, said):
    stream = io.StringIO()
    with shown(Console(file=stream, width=120)) as watcher:
        watcher.begun("with the rate at 0.1")
        watcher.ended(trial(tmp_path, seconds=2.25, **ended))
        watcher.waiting(made=1, planned=3, seconds_left=60.0)
    assert stream.getvalue() == f"  with the rate at 0.1 (seed 1): {said}, 2.2 s\n"


def test_a_control_that_goes_on_to_its_end_is_told_from_the_bounded_one(tmp_path):
    (tmp_path / OUTPUT).write_text("")
    stream = io.StringIO()
    with shown(Console(file=stream, width=40)) as watcher:
        watcher.ended(Trial(folder=tmp_path, plan=Plan(name="t", whole=True), ended=Ended(how="finished", seconds=2.0)))
    assert stream.getvalue() == "  unchanged, to its own end (seed 0): ended by itself, 2.0 s\n"  # in one line


def test_a_terminal_gets_a_bar():
    stream = io.StringIO()
    with shown(Console(file=stream, width=120, force_terminal=True)) as watcher:
        watcher.begun("with the rate at 0.1")
        watcher.waiting(made=1, planned=3, seconds_left=60.0)
    assert "trial 1 of 3 or more" in stream.getvalue()
    assert "with the rate at 0.1" in stream.getvalue()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minutes": 2.0, "yes": False}, ["--minutes", "2"]),
        ({"minutes": 0.5, "yes": True, "html": Path("p.html")}, ["--minutes", "0.5", "--yes", "--html", "p.html"]),
        (
            {"minutes": 1.0, "yes": True, "json_file": Path("v.json"), "strict": True},
            ["--minutes", "1", "--yes", "--json", "v.json", "--strict"],
        ),
    ],
)
def test_a_run_is_proved_in_a_process_of_its_own(monkeypatch, options, words):
    started = []

    def run(command, check, env):
        started.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert prove(Path("runs/one"), environment={"LR": "1"}, **options) == 0
    assert started == [([sys.executable, "-m", "unstuck", "confirm", "runs/one", "--shown", *words], {"LR": "1"})]


@pytest.mark.parametrize(("returned", "status"), [(0, 0), (STRICT_EXIT, STRICT_EXIT), (2, 7), (130, 7), (-9, 7)])
def test_the_status_is_that_of_the_verdict_after_trials_where_there_were_any(monkeypatch, returned, status):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, returned))
    assert prove(Path("runs/one"), minutes=1.0, yes=True, strict=True, status=7) == status


@pytest.mark.parametrize(
    ("kind", "yes", "reads_input", "said"),
    [
        ("terminal", False, True, ""),
        ("nothing", True, True, ""),
        ("nothing", False, True, "no terminal"),
        ("pipe", False, False, "no terminal"),
        ("pipe", True, False, ""),
        ("pipe", True, True, "a pipe, which can be read once only"),
    ],
)
def test_that_nothing_will_be_run_again_is_said_before(monkeypatch, capsys, kind, yes, reads_input, said):
    monkeypatch.setattr("unstuck.record.invocation.standard_input", lambda: (kind, ""))
    assert may_prove(yes=yes, reads_input=reads_input) == (not said)
    printed = capsys.readouterr().err
    assert said in printed
    assert bool(printed) == bool(said)
