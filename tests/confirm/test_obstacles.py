from __future__ import annotations

from dataclasses import replace

import pytest

from unstuck.confirm.obstacles import changed_sources, changed_variables, missing_variables, named_variables, obstacles
from unstuck.record.facts import Invocation
from unstuck.record.invocation import digest, trace


@pytest.fixture
def started(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("print(1)")
    return Invocation(
        target="train.py", folder=str(tmp_path), sources=(str(script),), digests=(digest(script),), variables=("HOME",)
    )


def test_what_is_as_it_was_can_be_run_again(started):
    assert obstacles(started) is None


def test_what_was_not_recorded_cannot(started):
    assert "`unstuck run SCRIPT` records it" in str(obstacles(None))


def test_what_is_gone_or_cannot_be_repeated(started, tmp_path):
    assert "is gone" in str(obstacles(replace(started, folder=str(tmp_path / "nowhere"))))
    assert "give it a file" in str(obstacles(replace(started, stdin="pipe")))
    assert "is gone" in str(obstacles(replace(started, stdin="file", stdin_file=str(tmp_path / "in.txt"))))
    assert "several processes" in str(obstacles(replace(started, variables=("HOME", "RANK"))))


def test_changed_sources_are_named(started, tmp_path):
    (tmp_path / "train.py").write_text("print(2)")
    assert changed_sources(started) == (str(tmp_path / "train.py"),)
    assert "train.py changed since" in str(obstacles(started))
    assert obstacles(started, anyway=True) is None


def test_variables_that_are_gone(started, monkeypatch):
    monkeypatch.delenv("SECRET_OF_MINE", raising=False)
    assert missing_variables(replace(started, variables=("HOME", "SECRET_OF_MINE", "_"))) == ("SECRET_OF_MINE",)


def test_variables_that_the_program_names_and_that_have_another_value(started, tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text("lr = os.environ['LR']; data = os.getenv(\"DATA\")  # not SHELL")
    for name in ("LR", "DATA", "SHELL"):
        monkeypatch.setenv(name, "1")
    names = ("DATA", "LR", "SHELL")
    watched = replace(started, variables=names, traces=tuple(trace(name) for name in names))
    assert named_variables(watched) == ("DATA", "LR")
    assert changed_variables(watched) == ()
    monkeypatch.setenv("LR", "2")
    monkeypatch.setenv("SHELL", "2")
    assert changed_variables(watched) == ("LR",)
    monkeypatch.delenv("DATA")
    assert changed_variables(watched) == ("DATA", "LR")
    assert changed_variables(replace(watched, traces=())) == ()  # of a run that kept none


def test_a_system_without_forks_is_said(started, monkeypatch):
    monkeypatch.delattr("os.fork")
    assert "Windows cannot keep what a trial writes" in str(obstacles(started))
