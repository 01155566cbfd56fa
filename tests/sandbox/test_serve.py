"""Where a trial writes, and that the process that forks them leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked")

MODULE = """
import os
from unstuck.sandbox.serve import serve

def make(sandbox):
    sandbox.say(f"{os.getsid(0) == os.getpid()} {sandbox.in_place} {sandbox.scratch is not None}")
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "600"])
    sandbox.enter(output=sandbox.folder / "output.txt", working=os.getcwd())
    print(open(0).read())
    return SystemExit(0)

if __name__ == "__main__":
    raise serve(make)
"""


def served(place: Path, *words: str) -> list[str]:
    (place / "trials.py").write_text(MODULE)
    asked = f"4 {place}\n"
    with subprocess.Popen(
        [sys.executable, "-m", "trials", *words], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(asked)
        process.stdin.flush()
        lines = [process.stdout.readline().split() for _ in range(3)]
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == ""  # nobody holds it, so that what a trial left behind is gone
    return [" ".join(line[:2] if line[0] == "began" else line) for line in lines]


@pytest.mark.parametrize("spawn", [[], ["--spawn"]])
def test_of_a_trial_its_number_is_told_and_what_it_leaves_running_is_ended(tmp_path: Path, spawn: list[str]) -> None:
    assert sorted(served(tmp_path, *spawn, "--in-place")) == ["began 4", "ended 4 0", "said 4 True True False"]
    assert (tmp_path / "output.txt").read_text() == "\n"


def test_what_is_told_is_told_in_whole_lines_where_streams_are_not_buffered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    for number in range(12):
        (tmp_path / str(number)).mkdir()
        assert len(served(tmp_path / str(number), "--in-place")) == 3


@pytest.mark.parametrize("spawn", [[], ["--spawn"]])
def test_a_scratch_folder_is_removed(tmp_path: Path, spawn: list[str]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert "said 4 True False True" in served(tmp_path, *spawn, str(scratch))
    assert not scratch.exists()
