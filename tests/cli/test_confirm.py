"""What ``unstuck confirm`` asks, refuses, prints and changes; the trials themselves are written from given losses."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.confirm.conftest import CLASSES, losses
from unstuck.cli.confirm import _proved
from unstuck.cli.main import app
from unstuck.confirm import results_of, trials_of, with_trials
from unstuck.confirm.alone import alone
from unstuck.confirm.edit import EditError
from unstuck.confirm.experiment import Experiment
from unstuck.confirm.trial import Ended, Plan
from unstuck.errors import ArgumentError
from unstuck.record import Run, RunWriter, facts, signals
from unstuck.record.invocation import digest
from unstuck.rules import judge
from unstuck.testing.rules import record

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials cannot be made")

SOURCE = """import torch
RATE = 1e-5
opt = torch.optim.SGD(net.parameters(), lr=RATE)
"""

runner = CliRunner()


@pytest.fixture
def script(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SOURCE)
    return tmp_path / "train.py"


@pytest.fixture
def run(script) -> str:
    """A run that did not learn, of a script that lies there as it was."""
    return recorded("run", script, sources=(str(script),), digests=(digest(script),))


def recorded(name: str, script: Path, **started) -> str:
    group = facts.ParameterGroup(parameters=2, learning_rate=1e-5)
    with RunWriter(script.parent / name) as writer:
        for step, loss in enumerate(losses(2.3, 2.3)):
            writer.add(signals.LOSS, step, loss)
            writer.add(signals.LOSS_CALL, step, loss)
        writer.state(CLASSES)
        writer.state(facts.Optimizer(type="SGD", groups=(group,), file=str(script), line=3))
        writer.describe(facts.Invocation(target="train.py", folder=str(script.parent), **started))
    return name


@pytest.fixture
def made(monkeypatch) -> list[Experiment]:
    """Experiments whose trials were made at once: unchanged it stays, at a rate of 0.1 it learns."""
    performed: list[Experiment] = []

    def perform(self: Experiment, watcher: object) -> None:
        performed.append(self)
        if self.made:
            return
        for seed in range(3):
            write_trial(self, f"control-seed{seed}", 2.3, seed=seed)
            changes = (("learning-rate", {"rate": 0.1}),)
            write_trial(self, f"learning-rate-0.1-seed{seed}", 0.1, seed=seed, changes=changes)

    monkeypatch.setattr(Experiment, "perform", perform)
    return performed


def write_trial(experiment: Experiment, name: str, end: float, *, seed: int, changes=()) -> None:
    name = f"{name}{experiment.strategy.mark}"
    folder = experiment.run.path.absolute() / "trials" / name
    values = losses(2.3, end, seed=seed)
    record(folder, series={signals.LOSS: values, signals.LOSS_CALL: values}, facts=[CLASSES]).close()
    words = "with the rate at 0.1" if changes else "unchanged"
    causes = ("lr-too-low",) if changes else ()
    plan = Plan(name=name, changes=changes, words=words, causes=causes, seed=seed, turn=seed)
    replace(plan, invocation=experiment.invocation).write(folder)
    Ended(how="bound").write(folder)


def confirm(*words: str, answer: str | None = None):
    return runner.invoke(app, ["confirm", *words], input=answer)


def test_without_a_terminal_nothing_is_run_unless_yes_is_given(run, made):
    refused = confirm(run)
    assert isinstance(refused.exception, ArgumentError)
    assert "standard input is no terminal; give --yes" in str(refused.exception)
    assert made == []
    assert "will be run again" not in refused.stderr
    assert not Path(run, "trials").exists()


def test_while_another_tries_the_run_it_is_refused_before_anything_is_said(run, made):
    with alone(Path(run, "trials")):
        refused = confirm(run, "--yes")
    assert "is being tried by another" in str(refused.exception)
    assert "will be run again" not in refused.stderr
    assert made == []


def test_a_trial_is_refused_and_its_run_is_named(run, made):
    confirm(run, "--yes")
    refused = confirm(f"{run}/trials/control-seed0", "--yes")
    assert str(refused.exception).endswith(
        f"is a trial; `unstuck confirm {Path(run).absolute()}` makes those of its run"
    )


def test_a_verdict_that_was_shown_before_is_not_shown_again_unless_trials_change_it(run, made, monkeypatch):
    assert "the loss falls to" in " ".join(confirm(run, "--yes", "--shown").stdout.split())
    shutil.rmtree(Path(run, "trials"))
    monkeypatch.setattr(Experiment, "perform", lambda self, watcher: write_trial(self, "control-seed0", 2.3, seed=0))
    assert confirm(run, "--yes", "--shown").stdout == "The verdict above stays as it is.\n"
    monkeypatch.setattr(Experiment, "perform", lambda self, watcher: None)
    assert "It did not learn" in confirm(run, "--yes").stdout


def test_where_no_trial_has_ended_none_is_said_to_be_kept(run, made, monkeypatch):
    monkeypatch.setattr(Experiment, "perform", lambda self, watcher: None)
    assert "The time is over before a trial had ended; --minutes gives them more.\n" in confirm(run, "--yes").stderr


@pytest.mark.parametrize(("answer", "performed"), [("n\n", 0), ("y\n", 1), ("\n", 1)])
def test_on_a_terminal_the_user_is_asked_after_he_was_told_what_runs(run, made, monkeypatch, answer, performed):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stdin = Terminal(answer)
    monkeypatch.setattr("typer.confirm", lambda *words, **options: stdin.readline().strip() != "n")
    monkeypatch.setattr("unstuck.cli.confirm.sys", type("sys", (), {"stdin": stdin, "executable": sys.executable}))
    shown = confirm(run, "--minutes", "1")
    assert shown.exit_code == 0, shown.output
    said = " ".join(shown.stderr.split())
    assert f"python train.py will be run again in {Path.cwd()}" in said
    assert "each for 300 steps or 20 seconds" in said
    assert "for 1 minute at most. What it writes is thrown away." in said
    assert len(made) == performed


def test_what_was_proved_is_said_drawn_and_shown_as_a_diff_and_the_source_stays(run, made, script):
    shown = confirm(run, "--yes", "--json", "verdict.json", "--html", "page.html")
    assert shown.exit_code == 0, shown.output
    said = " ".join(shown.stdout.split())
    assert "with the rate at 0.1 the loss falls to 0." in said
    assert "unchanged it stays at 2.3 (3 of 3 seeds)" in said
    assert "--- train.py\n+++ train.py\n" in shown.stderr
    assert "-RATE = 1e-5\n+RATE = 0.1\n" in shown.stderr
    confirmed = json.loads(Path("verdict.json").read_text())["findings"][0]["confirmed"]
    assert confirmed["remedy"] == "with the rate at 0.1"
    assert (confirmed["metric"], confirmed["seeds"], confirmed["steps"]) == ("loss", 3, 300)
    assert confirmed["before"] == pytest.approx(2.3, abs=0.05)
    assert confirmed["after"] == pytest.approx(0.1, abs=0.05)
    assert confirmed["noise"] >= 0.0
    assert "What was tried: the training loss in the first 300 steps" in Path("page.html").read_text()
    assert script.read_text() == SOURCE


def test_apply_makes_the_change_and_keeps_the_file(run, made, script):
    shown = confirm(run, "--yes", "--apply")
    assert shown.exit_code == 0, shown.output
    assert script.read_text() == SOURCE.replace("1e-5", "0.1")
    assert Path("train.py.orig").read_text() == SOURCE
    assert f"changed {script}; as it was it is kept in {script}.orig\n" in shown.stderr


def test_of_a_script_that_changed_no_diff_is_shown_and_apply_is_refused(run, made, script):
    assert confirm(run, "--yes").exit_code == 0
    script.write_text("# new\n" + SOURCE)
    assert isinstance(confirm(run, "--yes").exception, ArgumentError)
    shown = confirm(run, "--yes", "--anyway")
    assert shown.exit_code == 0
    assert "+++" not in shown.stderr
    refused = confirm(run, "--yes", "--anyway", "--apply")
    assert "has changed since the run" in str(refused.exception)
    assert script.read_text() == "# new\n" + SOURCE


def test_the_trials_of_a_script_are_not_those_of_the_script_that_was_changed(run, made, script, monkeypatch):
    assert "the loss falls to" in " ".join(confirm(run, "--yes").stdout.split())
    script.write_text("# new\n" + SOURCE)
    monkeypatch.setattr(Experiment, "perform", lambda self, watcher: None)
    assert "the loss falls to" not in " ".join(confirm(run, "--yes", "--anyway").stdout.split())
    monkeypatch.setattr(Experiment, "perform", lambda self, watcher: write_trial(self, "control-seed0", 2.3, seed=0))
    shown = confirm(run, "--yes", "--anyway")
    assert f"What was tried is the program as it is now: {script} changed since the run." in shown.stderr
    assert "the loss falls to" not in " ".join(shown.stdout.split())
    monkeypatch.undo()
    monkeypatch.chdir(script.parent)
    script.write_text(SOURCE)
    assert "the loss falls to" in " ".join(confirm(run, "--yes").stdout.split())


def test_why_there_is_no_diff_is_said_and_apply_says_it_too(run, made, monkeypatch):
    def none(*words, **more):
        raise EditError("a softmax stands in several places (a.py:1, a.py:2)")

    monkeypatch.setattr("unstuck.confirm.correction.correction", none)
    said = "a softmax stands in several places (a.py:1, a.py:2)"
    assert f"No diff is shown: {said}.\n" in confirm(run, "--yes").stderr
    assert str(confirm(run, "--yes", "--apply").exception) == f"--apply: {said}; make the change by hand"


def test_the_diff_is_that_of_the_change_that_confirmed_the_first_finding(run, made):
    confirm(run, "--yes")
    with Run.open(run) as opened:
        verdict, trials = judge(opened), trials_of(opened)
    finding = with_trials(verdict.findings, verdict.learning, trials)[0]
    known = results_of(trials)
    other = replace(known[0], plan=replace(known[0].plan, words="with more", changes=(("method", {}),)))
    assert _proved((finding,), (other, *known)) == (finding, (("learning-rate", {"rate": 0.1}),))
    assert _proved((replace(finding, confirmed=None),), known) is None


def test_what_is_left_is_said_and_an_interrupt_has_its_status(run, made, monkeypatch):
    def interrupted(self: Experiment, watcher: object) -> None:
        write_trial(self, "control-seed0", 2.3, seed=0)
        self.interrupted = True

    monkeypatch.setattr(Experiment, "perform", interrupted)
    shown = confirm(run, "--yes")
    assert shown.exit_code == 130
    assert "Interrupted; what was made is kept, and another `unstuck confirm run` goes on" in " ".join(
        shown.stderr.split()
    )


def test_variables_that_are_gone_are_named_before(script, run, made, monkeypatch):
    monkeypatch.setattr("unstuck.confirm.obstacles.missing_variables", lambda started: ("MY_DATA",))
    shown = confirm(run, "--yes")
    assert "Variables of its environment that are not set any more: MY_DATA.\n" in shown.stderr
    many = tuple(f"V{number}" for number in range(9))
    monkeypatch.setattr("unstuck.confirm.obstacles.missing_variables", lambda started: many)
    shutil.rmtree("run/trials")
    assert "not set any more: V0, V1, V2, V3, V4, V5 and 3 more.\n" in confirm(run, "--yes").stderr


def test_variables_with_other_values_are_named_before(script, made, monkeypatch):
    script.write_text(f"{SOURCE}print('$LR'.strip('$'), os.environ['LR'])\n")
    monkeypatch.setenv("LR", "1")
    started = {"variables": ("LR",), "traces": ("none",)}
    other = recorded("other", script, sources=(str(script),), digests=(digest(script),), **started)
    assert (
        "Variables that it names, and that have other values than in the run: LR.\n" in confirm(other, "--yes").stderr
    )


def test_another_interpreter_and_words_that_need_quotes_are_shown(run, made, script):
    other = recorded("other", script, args=("--name", "my run"), interpreter="/opt/python")
    said = confirm(other, "--yes").stderr
    assert said.startswith(f"python train.py --name 'my run' will be run again in {Path.cwd()}, ")
    assert f"It ran with /opt/python, and runs with {sys.executable} now.\n" in said
    assert "It ran with" not in confirm(run, "--yes").stderr


def test_where_nothing_can_be_tried_that_is_said(run, made, monkeypatch):
    monkeypatch.setattr("unstuck.confirm.experiment.candidates", lambda stream, verdict: ((), ()))
    shown = confirm(run)
    assert shown.exit_code == 0
    assert "There is nothing to try: no remedy" in shown.stderr
    assert made == []


def test_of_a_training_that_learns_nothing_is_tried_and_no_remedy_is_missed(run, made, monkeypatch):
    monkeypatch.setattr("unstuck.rules.judge", lambda of: replace(judge(of), kind="healthy", findings=()))
    assert "There is nothing to try: it learns.\n" in confirm(run).stderr
    assert made == []


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_minutes_that_bound_nothing_are_refused(run, minutes):
    refused = confirm(run, "--yes", f"--minutes={minutes}")
    assert isinstance(refused.exception, ArgumentError)
    assert "a number above 0 is accepted, such as 2" in str(refused.exception)
