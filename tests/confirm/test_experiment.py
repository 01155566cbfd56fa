"""A whole experiment: a script that was watched, its trials, what they prove, and what they leave as it was."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from unstuck.confirm import Bounds, Experiment, Trial, trials_of, with_trials
from unstuck.confirm.experiment import _shows_something, _void
from unstuck.confirm.trial import Ended, Plan
from unstuck.errors import ArgumentError
from unstuck.record import Run
from unstuck.record.facts import Invocation
from unstuck.rules import judge

SCRIPT = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(512, 20)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=float(sys.argv[1]))
for step in range(120):
    batch = torch.randint(0, 512, (64,))
    loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save(net.state_dict(), "model.pt")
with open("log.txt", "a") as log:
    log.write("trained\\n")
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked")


class Quiet:
    def __init__(self):
        self.words = []

    def begun(self, words):
        self.words.append(words)

    def ended(self, trial):
        pass

    def waiting(self, **state):
        pass


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Path:
    """A run of a script whose rate is far too low."""
    home = tmp_path_factory.mktemp("home")
    (home / "train.py").write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, "-m", "unstuck", "run", "--out", "run", "train.py", "1e-5"]
    subprocess.run(command, cwd=home, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return home / "run"


def experiment(folder: Path, **bounds) -> Experiment:
    opened = Run.open(folder)
    return Experiment(opened, judge(opened), bounds=Bounds(steps=80, **bounds))


@pytest.fixture(scope="module")
def proved(watched) -> Path:
    before = {path: path.read_bytes() for path in watched.parent.iterdir() if path.is_file()}
    experiment(watched).perform(Quiet())
    assert {path: path.read_bytes() for path in watched.parent.iterdir() if path.is_file()} == before
    return watched


def test_how_a_program_was_started_is_kept(watched):
    with Run.open(watched) as run:
        started = run.program(Invocation)
    assert started is not None
    assert (started.target, started.args, started.folder) == ("train.py", ("1e-5",), str(watched.parent))
    assert [Path(path).name for path in started.sources] == ["train.py"]
    assert "PATH" in started.variables


def test_the_cause_is_proved(proved):
    with Run.open(proved) as run:
        verdict = judge(run)
        trials = trials_of(run)
    first = with_trials(verdict.findings, verdict.learning, trials)[0]
    assert first.cause == "lr-too-low"
    assert first.confirmed is not None
    assert first.confirmed.seeds == first.confirmed.agree == 2  # far better: two draws are enough
    assert first.confirmed.after < 0.5 < first.confirmed.before


def test_the_control_repeats_the_run(proved):
    from unstuck.record.signals import LOSS

    with Run.open(proved) as run, Run.open(proved / "trials" / "control-seed0-80-steps") as control:
        whole, part = run.series(LOSS).values, control.series(LOSS).values
    assert len(part) == 80
    assert part.tolist() == pytest.approx(whole[:80].tolist(), rel=1e-5)


def test_another_draw_is_another_one(proved):
    from unstuck.record.signals import LOSS

    folders = (proved / "trials" / f"control-seed{draw}-80-steps" for draw in range(2))
    with Run.open(next(folders)) as one, Run.open(next(folders)) as other:
        assert one.series(LOSS).values[0] != other.series(LOSS).values[0]


def test_what_was_made_is_not_made_again(proved):
    quiet = Quiet()
    again = experiment(proved)
    assert again.left == 0
    again.perform(quiet)
    assert quiet.words == []


def test_a_script_that_was_changed_is_refused(watched):
    script = watched.parent / "train.py"
    text = script.read_text()
    script.write_text(text + "\n# a remark\n")
    try:
        with pytest.raises(ArgumentError, match=r"train\.py changed since; run it again, or .* --anyway"):
            experiment(watched)
        with Run.open(watched) as run:
            changed = Experiment(run, judge(run), bounds=Bounds(steps=80), anyway=True)
            assert changed.made == ()  # the trials of the program as it was are none of its own
            first = changed.strategy.next(())
            assert first is not None
            assert first.name.startswith("control-seed0-program-")
            assert changed.changed == (str(script),)
    finally:
        script.write_text(text)


def test_a_script_that_is_gone_is_refused(watched):
    script = watched.parent / "train.py"
    text = script.read_text()
    script.unlink()
    try:
        with pytest.raises(ArgumentError, match=r"its script train\.py is gone"):
            experiment(watched)
    finally:
        script.write_text(text)


@pytest.mark.parametrize(
    "bounds", [{"minutes": 0.0}, {"minutes": -1.0}, {"steps": 0}, {"seconds": float("nan")}, {"jobs": 0}]
)
def test_bounds_that_bound_nothing_are_refused(bounds):
    with pytest.raises(ArgumentError, match="is accepted"):
        Bounds(**bounds)


def test_a_crash_of_a_trial_is_told(watched, tmp_path):
    data = watched.parent / "data.txt"
    data.write_text("1e-5")
    script = watched.parent / "fragile.py"
    script.write_text(SCRIPT.replace("float(sys.argv[1])", 'float(open("data.txt").read())'))
    command = [sys.executable, "-m", "unstuck", "run", "--out", str(tmp_path / "run"), "fragile.py"]
    subprocess.run(command, cwd=watched.parent, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    data.unlink()
    made = experiment(tmp_path / "run").perform(Quiet())
    control = next(trial for trial in made if trial.plan.control)
    assert control.ended.how == "crashed"
    assert "No such file or directory: 'data.txt'" in control.last_words


def trial(name: str, how: str = "bound", *, seed: int = 0) -> Trial:
    changes = () if name == "control" else ((name, {}),)
    plan = Plan(name=f"{name}-seed{seed}", changes=changes, seed=seed)
    return Trial(folder=Path(name), plan=plan, ended=Ended(how=how))


@pytest.mark.parametrize(
    ("ended", "enough"),
    [
        ([], False),
        ([trial("control")], False),
        ([trial("rate")], False),
        ([trial("control"), trial("rate", "crashed")], False),
        ([trial("control"), trial("rate")], True),
        ([trial("control", "crashed")], True),
        ([trial("control", "late"), trial("rate")], True),
    ],
)
def test_when_the_time_is_over_a_control_and_a_change_are_waited_for(ended, enough):
    assert _shows_something(ended) == enough


class Slow:
    """A launcher whose trials end by themselves only while all are ended."""

    free, ready = 1, True

    def __init__(self, invocation, *, jobs):
        self.begun: dict[str, Path] = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        Ended(how="bound").write(self.begun["control-seed0-80-steps"])

    @property
    def names(self):
        return tuple(self.begun)

    def start(self, plan, folder):
        folder.mkdir(parents=True)
        plan.write(folder)
        self.begun[plan.name] = folder

    def wait(self):
        return ()

    def cut(self):
        return ()


def test_a_trial_that_ends_as_the_time_runs_out_is_shown_too(watched, tmp_path, monkeypatch):
    monkeypatch.setattr("unstuck.confirm.experiment.Launcher", Slow)
    shutil.copytree(watched, tmp_path / "run", ignore=shutil.ignore_patterns("trials"))
    quiet, ended = Quiet(), []
    monkeypatch.setattr(quiet, "ended", ended.append)
    clock = itertools.count(0.0, 10.0)
    made = experiment(tmp_path / "run", minutes=1.0).perform(quiet, clock=lambda: next(clock))
    assert len(quiet.words) > 1
    assert [one.plan.name for one in ended] == [one.plan.name for one in made] == ["control-seed0-80-steps"]


def test_a_second_confirm_makes_again_what_came_to_nothing():
    assert _void([trial("control"), trial("rate"), trial("rate", "crashed", seed=1)]) == set()
    for how in ("killed", "cut", "late"):
        assert _void([trial("control"), trial("rate", how)]) == {"rate-seed0"}
    assert _void([trial("control", "crashed"), trial("rate")]) == {"control-seed0", "rate-seed0"}
    assert _void([trial("control"), trial("control", "crashed", seed=1)]) == set()


def test_a_control_that_crashed_is_made_again_when_the_reason_is_gone(watched, tmp_path):
    data = watched.parent / "late.txt"
    data.write_text("1e-5")
    script = watched.parent / "needy.py"
    script.write_text(SCRIPT.replace("float(sys.argv[1])", 'float(open("late.txt").read())'))
    command = [sys.executable, "-m", "unstuck", "run", "--out", str(tmp_path / "run"), "needy.py"]
    subprocess.run(command, cwd=watched.parent, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    data.unlink()
    assert any(one.ended.how == "crashed" for one in experiment(tmp_path / "run", minutes=0.5).perform(Quiet()))
    data.write_text("1e-5")
    again = experiment(tmp_path / "run", minutes=0.5)
    assert again.made == ()
    made = again.perform(Quiet())
    data.unlink()
    assert {one.ended.how for one in made if one.plan.control} == {"bound"}


@pytest.mark.slow
def test_without_mounts_the_users_files_stay_as_well(watched, tmp_path, monkeypatch):
    monkeypatch.setattr("unstuck.sandbox.processes.may_hide_writes", lambda: "not here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    folder = tmp_path / "run"
    shutil.copytree(watched, folder, ignore=shutil.ignore_patterns("trials"))
    before = {path: path.read_bytes() for path in watched.parent.iterdir() if path.is_file()}
    made = experiment(folder, minutes=4.0).perform(Quiet())
    assert {path: path.read_bytes() for path in watched.parent.iterdir() if path.is_file()} == before
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [trial.last_words for trial in made if trial.ended.how == "crashed"] == []
    with Run.open(folder) as run:
        verdict = judge(run)
    first = with_trials(verdict.findings, verdict.learning, made)[0]
    assert first.cause == "lr-too-low"
    assert first.confirmed is not None
