"""An exit status of ours comes after all that the script leaves to do, and in its process only."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, sys
from unstuck.cli.last_status import LastStatus
last = LastStatus()
atexit.register(print, "the handler of the script")
{body}
"""


def ended(body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("last.status = 3", 3),
        ("last.status = 0", 0),
        ("last.status = 0; sys.exit(5)", 5),
        ("last.status = 3; sys.exit(5)", 3),
        ("1 / 0", 1),
    ],
)
def test_the_status_is_ours_where_we_have_one(body, status):
    made = ended(body)
    assert made.returncode == status
    assert made.stdout == "the handler of the script\n"


def test_what_was_printed_is_flushed():
    made = ended("last.status = 3; print('x' * 100_000)")
    assert (made.returncode, made.stdout) == (3, "x" * 100_000 + "\nthe handler of the script\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_of_it_has_its_own_status():
    made = ended(
        "last.status = 3\n"
        "child = os.fork()\n"
        "if child == 0:\n    sys.exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert made.returncode == 3
    assert made.stdout.splitlines()[-2:] == ["7", "the handler of the script"]
