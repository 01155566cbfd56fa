"""A study that many machines work on: in PostgreSQL, and behind a server of Optuna's. ``make test-many`` runs these."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.sweep.formula import Formula, formula
from unstuck.errors import StudyError
from unstuck.sweep import CoarseToFine, Plan
from unstuck.sweep.course import coarse_to_fine, wanted
from unstuck.sweep.show import Quiet
from unstuck.sweep.study import Study
from unstuck.sweep.work import work

FORK = multiprocessing.get_context("fork")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Postgres:
    """A cluster of its own, with the programs of the system's package."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "/none")]
        if not found[-1].exists():
            pytest.skip("PostgreSQL is not installed")
        self._programs, self._data, self.port = found[-1].parent, folder / "data", free_port()
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "--auth", "trust", "--username", "postgres", "--no-sync", "-D", str(self._data))
        self.start()

    @property
    def address(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._data} -c fsync=off -c listen_addresses=127.0.0.1"
        log = str(self._data / "log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-o", options, "-l", log)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._data))

    def _run(self, program: str, *arguments: str) -> None:
        prefix = ["runuser", "-u", self._user, "--"] if os.geteuid() == 0 else []
        command = [*prefix, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="module")
def postgres():
    pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory() as folder:  # which the server's user may enter, unlike pytest's own
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def grpc(tmp_path):
    pytest.importorskip("grpc")
    port = free_port()
    server = FORK.Process(target=serve, args=(tmp_path / "served.journal", port))
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.kill()
    server.join()


def serve(file, port):
    import warnings

    from optuna.storages import JournalStorage, run_grpc_proxy_server
    from optuna.storages.journal import JournalFileBackend

    warnings.simplefilter("ignore")
    run_grpc_proxy_server(JournalStorage(JournalFileBackend(str(file))), host="127.0.0.1", port=port)


class Slow(Formula):
    def __init__(self, file):
        super().__init__()
        self._file = file

    def train(self, space, tries, after_epoch, say):
        for attempt in tries:
            time.sleep(0.05)
            with self._file.open("a") as made:
                made.write(attempt.key + "\n")
            yield attempt, formula(attempt)


def begin(space, address, name, made):
    until = time.monotonic() + 30
    while True:
        try:
            study = Study(space, address, name=name, source="mlp")
            break
        except StudyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    work(study, CoarseToFine(), Slow(made), show=Quiet(), folder=made.parent)


def every(space):
    known = {}
    while batch := wanted(coarse_to_fine(space, Plan()), known):
        known |= {attempt.key: formula(attempt) for attempt in batch}
    return known


def shared(space, address, folder, *, kill=False):
    """Let two processes work on one study, and kill the first in the middle where that is asked for."""
    made = folder / "made"
    both = [FORK.Process(target=begin, args=(space, address, folder.name, made)) for _ in range(2)]
    for process in both:
        process.start()
    if kill:
        while not made.exists():
            time.sleep(0.01)
        time.sleep(0.3)
        both[0].kill()
    for process in both:
        process.join(120)
    assert both[1].exitcode == 0
    study = Study(None, address, name=folder.name)
    over = [entry for entry in study.entries() if entry.state == "over"]
    assert Counter(entry.attempt.key for entry in over) == Counter(list(every(space)))
    counts = Counter(made.read_text().splitlines())
    assert sum(counts.values()) <= len(counts) + kill
    return {entry.worker for entry in over}


@pytest.mark.parametrize("kill", [False, True])
def test_two_processes_work_on_one_study_in_postgresql(space, postgres, tmp_path, kill):
    assert len(shared(space, postgres.address, tmp_path, kill=kill)) == 2


@pytest.mark.parametrize("kill", [False, True])
def test_two_processes_work_on_one_study_behind_a_server(space, grpc, tmp_path, kill):
    assert len(shared(space, grpc, tmp_path, kill=kill)) == 2


def test_a_database_that_stops_in_the_middle_loses_nothing(space, postgres, tmp_path):
    class Stopping(Formula):
        def train(self, space, tries, after_epoch, say):
            for attempt, outcome in super().train(space, tries, after_epoch, say):
                if len(self.made) == 3:
                    postgres.stop()
                yield attempt, outcome

    study = Study(space, postgres.address, name=tmp_path.name)
    with pytest.raises(StudyError, match="the 3 outcomes that are known are kept in"):
        work(study, CoarseToFine(), Stopping(), show=Quiet(), folder=tmp_path, retry=0.5)
    postgres.start()
    again, after = Study(space, postgres.address, name=tmp_path.name), Formula()
    known = work(again, CoarseToFine(), after, show=Quiet(), folder=tmp_path)
    assert known.keys() == every(space).keys()
    assert len(after.made) == len(every(space)) - 3
