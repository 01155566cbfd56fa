"""A run is opened without being changed, from wherever it lies, and what cannot be read is said."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from unstuck.errors import DamagedRunError, NotARunError, RunError
from unstuck.record import Run, RunWriter, database, facts, signals
from unstuck.record.schema import FILE_NAME

KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from unstuck.record import RunWriter, ledger, signals
    ledger.FIRST_CHECKPOINT_SECONDS = 100.0
    writer = RunWriter(Path(sys.argv[1]))
    for step in range(50):
        writer.add(signals.LOSS, step, float(step))
    writer.flush()
    os.kill(os.getpid(), signal.SIGKILL)
""")


@pytest.fixture
def killed(tmp_path) -> Path:
    """A run whose samples are all in the log beside the main file."""
    folder = tmp_path / "run"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (folder / f"{FILE_NAME}-wal").stat().st_size > 0
    return folder


def test_the_log_of_a_killed_writer_is_read_and_taken_in(killed):
    before = database.last_written(killed / FILE_NAME)
    with Run.open(killed) as run:
        assert len(run.series(signals.LOSS)) == 50
    assert [path.name for path in killed.iterdir()] == [FILE_NAME], "one file to copy again"
    assert database.last_written(killed / FILE_NAME) == before, "reading is no writing"


def test_a_read_only_folder_is_read(tmp_path, read_only):
    folder, lock = read_only
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.state(facts.End(reason="completed", steps=1))
    shutil.copy(tmp_path / FILE_NAME, folder)
    lock()
    with Run.open(folder) as run:
        assert len(run.series(signals.LOSS)) == 1
        assert run.gaps == ()


def test_a_log_with_its_index_is_read_in_a_read_only_folder(killed, read_only):
    folder, lock = read_only
    for path in killed.iterdir():
        shutil.copy(path, folder)
    lock()
    with Run.open(folder) as run:
        assert len(run.series(signals.LOSS)) == 50
        assert not any("read-only" in gap for gap in run.gaps)


def test_a_log_that_cannot_be_read_is_said(killed, read_only):
    folder, lock = read_only
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        shutil.copy(killed / name, folder)
    lock()
    with Run.open(folder) as run:
        assert len(run.series(signals.LOSS)) == 0
        assert run.gaps[0].startswith(f"{FILE_NAME}-wal holds the newest steps, and cannot be read")


def test_a_file_that_is_held_by_another_program_is_no_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    RunWriter(tmp_path).close()
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RunError, match="another program holds the file") as refused:
        Run.open(tmp_path)
    assert not isinstance(refused.value, DamagedRunError)
    other.close()


@pytest.mark.parametrize("error", [ValueError("v"), TypeError("t"), MemoryError(), RecursionError("r"), KeyError("k")])
def test_what_reading_raises_becomes_one_error(error):
    said = r"^run.sqlite: the run is damaged \(its facts: "
    with pytest.raises(DamagedRunError, match=said), database.fenced(Path("run.sqlite"), "its facts"):
        raise error


def test_other_errors_pass():
    with pytest.raises(NotARunError), database.fenced(Path("run.sqlite")):
        raise NotARunError("no run")
    with pytest.raises(AttributeError), database.fenced(Path("run.sqlite")):
        raise AttributeError("our own fault")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have_is_no_run(name):
    with pytest.raises(NotARunError):
        Run.open(name)


def test_a_foreign_database_is_no_run(tmp_path):
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE cats (name)")
    connection.close()
    with pytest.raises(NotARunError, match="not a run of unstuck"):
        Run.open(tmp_path)


def test_a_run_without_its_index_pages_is_damaged(tmp_path):
    with RunWriter(tmp_path) as writer:
        for step in range(3000):
            writer.add(signals.LOSS, step, 1.0)
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[:-4096])
    with pytest.raises(DamagedRunError, match="copy it again"):
        Run.open(tmp_path)
