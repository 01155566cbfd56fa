"""What ``unstuck run`` refuses, in one line and before the script starts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from unstuck.record import RunWriter

TRAIN = """
import sys, torch
print("ran")
weight = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=float(sys.argv[1]))
for step in range(40):
    optimizer.zero_grad()
    (weight - 1).square().sum().backward()
    optimizer.step()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "run.sqlite").write_text("somebody else's")
    RunWriter(tmp_path / "old").close()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budget", "0", "train.py"], "--budget=0: a percentage above 0"),
        (["--budget", "-1", "train.py"], "--budget=-1: a percentage"),
        (["--budget", "abc", "train.py"], "--budget=abc: a percentage"),
        (["--budget", "nan", "train.py"], "--budget=nan: a percentage"),
        (["--budget", "101", "train.py"], "--budget=101: a percentage"),
        (["--out", "file", "train.py"], "choose a folder with --out"),
        (["--out", "file/below", "train.py"], "choose another folder with --out"),
        (["--out", "/proc/no", "train.py"], "choose another folder with --out"),
        (["--out", "old", "train.py"], "there is a run already"),
        (["--out", "foreign", "train.py"], "a file of this name, which is no run; choose another folder with --out"),
        (["--out", "", "train.py"], "Invalid value for '--out': is empty; give the name of a folder"),
        (["--json", "no/verdict.json", "train.py"], "--json no/verdict.json: cannot be written"),
        (["--json", "empty", "train.py"], "--json empty: cannot be written"),
        (["--json", "/proc/verdict.json", "train.py"], "cannot be written"),
        (["missing.py"], "SCRIPT='missing.py': cannot be read"),
        (["empty"], "without __main__.py"),
        (["binary"], "not Python"),
        (["-"], "not read from standard input"),
        (["-m", "missing"], "there is no such module"),
        (["--bugdet", "5", "train.py"], "there is no such option"),
        ([], "Missing argument 'SCRIPT'"),
    ],
)
def test_one_line_before_anything_runs(words, said, folder, unstuck_in):
    refused = unstuck_in(folder, "run", *words, "0.1")
    if not words:
        refused = unstuck_in(folder, "run")
    assert refused.status == 2
    assert said in refused.err
    assert len(refused.err.splitlines()) == 1
    assert refused.out == ""
    assert not any((folder / name).exists() for name in ("runs", "no", "out"))


def test_a_disk_that_is_full(folder, unstuck_in):
    """Nothing is left of a run that could not begin, so that the next try finds the folder as it was."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("only root may mount a disk so small")
    try:
        refused = unstuck_in(folder, "run", "--out", str(disk / "deep" / "run"), "train.py", "0.1")
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert (refused.status, refused.out) == (2, "")
    assert "free space" in refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_status_for_errors_if_asked(folder, unstuck_in):
    """A rate at which the loss explodes is an error; the script's own status comes before it."""
    strict = unstuck_in(folder, "run", "--strict", "--out", "out", "--json", "out/verdict.json", "train.py", "50")
    assert (strict.status, strict.out) == (3, "ran\n")
    assert json.loads((folder / "out" / "verdict.json").read_text())["verdict"] == "findings"
    (folder / "train.py").write_text(TRAIN + "sys.exit(7)")
    own = unstuck_in(folder, "run", "--strict", "--out", "again", "train.py", "50")
    assert own.status == 7
    assert "the script exited with status 7" in own.err
    assert "completed" in own.err


def test_a_verdict_that_cannot_be_written_in_the_end(folder, unstuck_in):
    """The script has run, and what was found is said."""
    (folder / "train.py").write_text("import os; os.mkdir('verdict.json')\n" + TRAIN)
    ended = unstuck_in(folder, "run", "--out", "out", "--json", "verdict.json", "train.py", "0.1")
    assert (ended.status, ended.out) == (2, "ran\n")
    assert "SGD at rate 0.1" in ended.err
    assert "--json verdict.json: cannot be written" in ended.err.splitlines()[-1]


def test_a_script_that_never_trains_gets_few_words(folder, unstuck_in):
    (folder / "train.py").write_text("print('done')")
    ended = unstuck_in(folder, "run", "--out", "out", "train.py")
    assert (ended.status, ended.out) == (0, "done\n")
    assert "never called backward" in ended.err
    assert len(ended.err.splitlines()) <= 4
