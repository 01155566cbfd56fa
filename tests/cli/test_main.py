import subprocess
import sys
import time

import pytest

import unstuck


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unstuck.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_help_names_every_command() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in ("train", "report", "explain"))


def test_no_argument_shows_help() -> None:
    assert "Usage" in run().stdout + run().stderr


def test_version() -> None:
    assert run("--version").stdout.strip() == unstuck.__version__


def test_an_unknown_option_before_the_script_is_named() -> None:
    shown = run("run", "--bugdet", "5", "train.py")
    assert shown.returncode == 2
    assert "--bugdet: there is no such option" in shown.stderr
    assert len(shown.stderr.splitlines()) <= 3


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys, unstuck.cli.main; print([m for m in ('torch', 'sklearn', 'numba', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("command", [[], ["train"], ["report"], ["explain"]])
def test_help_answers_in_half_a_second(command: list[str]) -> None:
    # Of processor time, which other processes on the machine do not stretch.
    import resource

    best = float("inf")
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        run(*command, "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent, time.perf_counter() - began)
        if best < 0.5:
            break
    assert best < 0.5


def test_an_unknown_command_is_refused() -> None:
    refused = run("trian")
    assert refused.returncode == 2
    assert "train" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_help_of_train_names_files_of_your_own() -> None:
    shown = " ".join(run("train", "--help").stdout.split())
    assert "data.path=FILE" in shown
