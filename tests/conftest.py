"""What all tests need, and watched processes at the price of a fork: PyTorch is imported once for all."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.json_schema import violations
from unstuck.record import Verdict
from unstuck.record.json_schema import shipped_schema

# A test forks, and a fork of a process in which OpenMP has threads hangs. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def every_verdict_obeys_its_schema() -> Iterator[None]:
    """Hold the JSON of every verdict that a test makes in this process against the schema that is shipped."""
    plain, schema = Verdict.to_dict, shipped_schema()

    def checked(verdict: Verdict) -> dict[str, object]:
        made = plain(verdict)
        assert not list(violations(made, schema, schema))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Verdict, "to_dict", checked)
        yield


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start, also where the tests themselves run in the background.

    A shell lets its background jobs ignore the signal, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


NURSERY = """
import json, os, sys
import torch, unstuck.cli.verdict, unstuck.diagnose
from unstuck.cli.main import main
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        break
    sys.__stdout__.write(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) + "\\n")
    sys.__stdout__.flush()
else:
    sys.exit()
os.chdir(job["folder"])
for number, name in enumerate(("stdin", "stdout", "stderr")):
    os.dup2(os.open(name, os.O_RDONLY if not number else os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
sys.stdin = open(0)
sys.path[0] = os.getcwd()
sys.argv = ["unstuck", *job["words"]]
sys.orig_argv = [sys.executable, "-m", "unstuck", *job["words"]]
main()
"""
"""The child of each fork leaves the loop, and its interpreter ends as any other does."""


@dataclasses.dataclass(frozen=True)
class Ended:
    """What a process has left."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session")
def nursery() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", NURSERY]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def unstuck_in(nursery: subprocess.Popen[str]) -> Callable[..., Ended]:
    """``unstuck WORDS`` in a folder, with what it reads from standard input."""

    def run(folder: Path, *words: str, stdin: str = "") -> Ended:
        (folder / "stdin").write_text(stdin)
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write(json.dumps({"folder": str(folder), "words": words}) + "\n")
        nursery.stdin.flush()
        status = json.loads(nursery.stdout.readline())
        return Ended(status, (folder / "stdout").read_text(), (folder / "stderr").read_text())

    return run


@pytest.fixture
def python_in() -> Callable[..., Ended]:
    """``python WORDS`` in a folder."""

    def run(folder: Path, *words: str, stdin: str = "") -> Ended:
        command: Sequence[str] = [sys.executable, *words]
        ended = subprocess.run(
            command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture(autouse=True)
def nothing_watches_on() -> Iterator[None]:
    """A test that leaves a listener behind fails itself, not those that come after it."""
    yield
    forward = sys.modules.get("unstuck.observe.torch_hooks.forward")
    left = [listener for listener, _ in forward._where.values()] if forward else []
    for listener in left:
        forward.unlisten(listener)
    assert not left, "these still listen to forward passes"
