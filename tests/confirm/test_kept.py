from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.confirm.conftest import losses
from unstuck.confirm.kept import Terms, as_it_is_now, trials_of
from unstuck.confirm.trial import Ended, Plan
from unstuck.record import Run, RunWriter
from unstuck.record.facts import Invocation
from unstuck.record.invocation import digest, trace

PROGRAM = Invocation(target="train.py", args=("--lr", "1"), sources=("/home/train.py",), digests=("a1",))
PLAN = Plan(name="", invocation=PROGRAM)


def program(**other) -> Plan:
    return replace(PLAN, invocation=replace(PROGRAM, **other))


OTHERS = [
    program(digests=("b2",)),
    program(args=("--lr", "2")),
    program(target="other.py"),
    program(variables=("LR",), traces=("c3d4",)),
    replace(PLAN, steps=100),
    replace(PLAN, seconds=5.0),
]


@pytest.mark.parametrize("other", OTHERS)
def test_another_program_or_another_bound_is_another_experiment_in_other_folders(other):
    assert Terms.of(other) != Terms.of(PLAN)
    assert Terms.of(other).mark(PROGRAM) != Terms.of(PLAN).mark(PROGRAM) == ""


def test_the_place_of_the_sources_in_their_list_does_not_matter():
    two = replace(PROGRAM, sources=("/a.py", "/b.py"), digests=("1", "2"))
    turned = replace(PROGRAM, sources=("/b.py", "/a.py"), digests=("2", "1"))
    assert Terms.of(replace(PLAN, invocation=two)) == Terms.of(replace(PLAN, invocation=turned))


def test_a_program_as_it_is_now_has_the_checksums_of_now(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("old")
    started = replace(PROGRAM, sources=(str(script),), digests=(digest(script),))
    assert as_it_is_now(started) == started
    script.write_text("new")
    assert as_it_is_now(started).digests == (digest(script),) != started.digests


def test_of_variables_those_that_the_program_names_are_as_they_are_now(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text("lr = float(os.environ['LR'])")
    monkeypatch.setenv("LR", "0.5")
    monkeypatch.setenv("TERM", "another")
    sources = {"sources": (str(script),), "digests": (digest(script),)}
    started = replace(PROGRAM, variables=("LR", "TERM"), traces=("1111", "2222"), **sources)
    assert as_it_is_now(started).traces == (trace("LR"), "2222")


@pytest.fixture
def tried(tmp_path, make):
    """A run with trials of two bounds, and one of a program that was changed."""
    with RunWriter(tmp_path) as writer:
        writer.describe(PROGRAM)
    for name, plan, at in (
        ("control-seed0", PLAN, 1.0),
        ("control-seed0-100-steps", OTHERS[4], 2.0),
        ("control-seed0-program-b2", OTHERS[0], 3.0),
    ):
        trial = make(name, losses(2.3, 2.3))
        replace(plan, name=name).write(trial.folder)
        Ended(how="bound", at=at).write(trial.folder)
    return tmp_path


def names(trials) -> list[str]:
    return [trial.plan.name for trial in trials]


def test_those_that_count_have_the_same_terms(tried: Path):
    assert names(Terms.of(PLAN).made(tried)) == ["control-seed0"]
    assert names(Terms.of(OTHERS[0]).made(tried)) == ["control-seed0-program-b2"]


def test_a_run_shows_those_of_its_own_program_that_were_made_last(tried: Path):
    with Run.open(tried) as run:
        assert names(trials_of(run)) == ["control-seed0-100-steps"]


def test_without_trials_there_are_none(tmp_path):
    RunWriter(tmp_path / "run").close()
    with Run.open(tmp_path / "run") as run:
        assert trials_of(run) == ()
