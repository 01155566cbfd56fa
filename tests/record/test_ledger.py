"""Writing touches no other file, waits for nobody, keeps what stands there, and the main file is soon complete."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from unstuck.errors import RunWriteError
from unstuck.record import Run, RunWriter, facts, ledger, signals
from unstuck.record.schema import FILE_NAME


def holding(file):
    """A connection that holds a file against other writers, as an open browser of databases does."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def alone(folder, to):
    """The main file by itself, as somebody copies it."""
    to.mkdir()
    shutil.copy(folder / FILE_NAME, to)
    return to


def test_the_main_file_alone_is_a_run_from_the_start(tmp_path):
    with RunWriter(tmp_path / "run"), Run.open(alone(tmp_path / "run", tmp_path / "copy")) as run:
        assert run.streams() == ()


def test_the_main_file_alone_soon_holds_what_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "FIRST_CHECKPOINT_SECONDS", 0.0)
    with RunWriter(tmp_path / "run") as writer:
        for step in range(20):
            writer.add(signals.LOSS, step, 1.0)
        writer.flush()
        with Run.open(alone(tmp_path / "run", tmp_path / "copy")) as run:
            assert len(run.series(signals.LOSS)) == 20
            assert any("cut off" in gap for gap in run.gaps)


def test_a_killed_training_is_judged_from_its_main_file(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys, time
        from pathlib import Path
        from unstuck.record import RunWriter, signals
        writer = RunWriter(Path(sys.argv[1]))
        end, step = time.monotonic() + 1.5, 0
        while time.monotonic() < end:
            writer.add(signals.LOSS, step, float(step))
            step += 1
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=False)
    assert killed.returncode == -signal.SIGKILL
    with Run.open(alone(tmp_path / "run", tmp_path / "copy")) as run:
        assert len(run.series(signals.LOSS)) >= 10


def test_checkpoints_take_a_small_share_of_the_time(tmp_path, monkeypatch):
    writer = ledger.Ledger(tmp_path)
    writer._interval = ledger.CHECKPOINT_SECONDS / 2
    start = writer._copy_at + 1.0
    clock = iter([start, start + 0.5])  # half a second, as on a disk far away
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    writer._copy_in_time()
    assert writer._copy_at == start + 0.5 + 200.0
    writer.close()


def test_a_reader_that_holds_the_file_hurts_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "FIRST_CHECKPOINT_SECONDS", 0.0)
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.flush()
        reader = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM samples").fetchone()
        start = time.monotonic()
        for step in range(1, 50):
            writer.add(signals.LOSS, step, 1.0)
            writer.flush()
        assert time.monotonic() - start < 2.0
        reader.close()
    with Run.open(tmp_path) as run:
        assert len(run.series(signals.LOSS)) == 50


def test_a_file_that_is_held_does_not_stall_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0.2)
    with RunWriter(tmp_path) as writer:
        other = holding(tmp_path / FILE_NAME)
        start = time.monotonic()
        for step in range(200):
            writer.add(signals.LOSS, step, float(step))
            writer.state(facts.Event(step=step, what="went on"))
        assert time.monotonic() - start < 0.5
        other.execute("ROLLBACK")
        other.close()
        time.sleep(0.25)
        writer.state(facts.End(reason="completed", steps=200))
    with Run.open(tmp_path) as run:
        assert run.series(signals.LOSS).values.tolist() == [float(step) for step in range(200)]
        assert [event.step for event in run.facts(facts.Event)] == list(range(200))
        assert run.gaps == ()


def test_a_file_that_is_held_for_long_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(ledger, "LOCKED_SECONDS", 0.0)
    with RunWriter(tmp_path) as writer:
        other = holding(tmp_path / FILE_NAME)
        writer.state(facts.Event(step=0, what="waits"))
        with pytest.raises(RunWriteError, match="another process holds the file"):
            writer.state(facts.Event(step=1, what="waits"))
        other.close()


def test_a_file_that_is_held_at_the_end_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0.05)
    writer = RunWriter(tmp_path)
    other = holding(tmp_path / FILE_NAME)
    writer.state(facts.Event(step=0, what="waits"))
    with pytest.raises(RunWriteError, match="another process holds the file"):
        writer.close()
    other.close()


def test_a_full_disk_keeps_what_was_written(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.flush()
        connection = writer._ledger._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(RunWriteError, match="full"):
            writer.array("filters", 0, [0.0] * 10_000)
        connection.execute("PRAGMA max_page_count = 1000000")
    with Run.open(tmp_path) as run:
        assert run.series(signals.LOSS).values[0] == 1.0


def test_a_file_that_may_not_grow_keeps_what_was_written(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from unstuck.errors import RunWriteError
        from unstuck.record import RunWriter, signals
        writer = RunWriter(Path(sys.argv[1]))
        try:
            for step in range(100_000):
                writer.add(signals.LOSS, step, 1.0)
                if step % 100 == 0:
                    writer.flush()
        except RunWriteError as error:
            print(error)
    """)
    argv = [sys.executable, "-c", script, str(tmp_path / "run")]
    ended = subprocess.run(argv, preexec_fn=limit, capture_output=True, text=True, check=True)
    assert "could not be written any further" in ended.stdout
    with Run.open(tmp_path / "run") as run:
        assert len(run.series(signals.LOSS)) > 100


def test_a_folder_that_may_not_be_written_is_said(read_only):
    folder, lock = read_only
    lock()
    with pytest.raises(RunWriteError, match=r"cannot be written .*denied.*choose another folder with --out"):
        RunWriter(folder)
    with pytest.raises(RunWriteError, match=r"cannot be written .*denied.*choose another folder with --out"):
        RunWriter(folder / "run")


@pytest.mark.parametrize("ending", ["", "-wal", "-journal"])
def test_what_lies_there_of_a_run_is_left_alone(tmp_path, ending):
    there = tmp_path / f"{FILE_NAME}{ending}"
    there.write_bytes(b"mine")
    said = (
        "already; choose another folder with --out, or remove"
        if ending
        else "no run; choose another folder with --out$"
    )
    with pytest.raises(RunWriteError, match=said):
        RunWriter(tmp_path)
    assert there.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [there]


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    RunWriter(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", FILE_NAME]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunWriteError, match=r"for this is a file; choose a folder with --out"):
        RunWriter(tmp_path / "run")


@pytest.mark.parametrize("name", ["a b", "what?#%41", "Übung 東京", "file:x", "x&mode=ro"])
def test_any_name_will_do(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with RunWriter(Path(name)) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.flush()
        with Run.open(name) as run:
            assert run.has(signals.LOSS)
    with Run.open(name) as run:
        assert run.has(signals.LOSS)
    assert [path.name for path in (tmp_path / name).iterdir()] == [FILE_NAME]


def test_a_path_that_is_too_long_is_said(tmp_path):
    folder = tmp_path.joinpath(*["long" * 40] * 4)
    with pytest.raises(RunWriteError, match=r"bytes long.*choose a shorter one"):
        RunWriter(folder)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_run_that_cannot_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "CREATE", "CREATE TABLE meta (key); CREATE NONSENSE;")
    with pytest.raises(RunWriteError, match="cannot be written"):
        RunWriter(tmp_path)
    assert os.listdir(tmp_path) == []
