"""A run survives kill -9, stays bounded, and keeps what it was given."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstuck.errors import RunWriteError
from unstuck.record import Index, Run, RunWriter, facts, signals
from unstuck.record.schema import FILE_NAME, HEAD


def test_samples_come_back_as_they_went_in(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.name(Index.PARAMETER, ["a", "b"])
        writer.add(signals.LOSS, 0, 2.302585092994046)
        writer.add(signals.GRADIENT_NORM, 0, [1.5, np.nan])
        writer.name(Index.PARAMETER, ["late"])
        writer.add(signals.GRADIENT_NORM, 3, [1.0, 2.0, 3.0])
    with Run.open(tmp_path) as run:
        assert run.series(signals.LOSS).values.tolist() == [2.302585092994046]
        table = run.table(signals.GRADIENT_NORM)
    assert table.names == ("a", "b", "late")
    assert table.steps.tolist() == [0, 3]
    np.testing.assert_array_equal(table.values, [[1.5, np.nan, np.nan], [1.0, 2.0, 3.0]])


def test_a_series_is_written_as_its_samples_would_be_one_by_one(tmp_path):
    values = np.random.default_rng(0).normal(size=3000).tolist()
    with RunWriter(tmp_path / "together", signal_bytes=20_000) as together:
        for start in range(0, 3000, 64):
            steps = range(start, min(start + 64, 3000))
            together.add_series(signals.LOSS, steps, values[start : start + 64])
    with RunWriter(tmp_path / "singly", signal_bytes=20_000) as singly:
        for step, value in enumerate(values):
            singly.add(signals.LOSS, step, value)
    with Run.open(tmp_path / "together") as one, Run.open(tmp_path / "singly") as other:
        assert len(one.series(signals.LOSS)) < 3000, "thinned"
        np.testing.assert_array_equal(one.series(signals.LOSS).steps, other.series(signals.LOSS).steps)
        np.testing.assert_array_equal(one.series(signals.LOSS).values, other.series(signals.LOSS).values)


def test_streams_are_kept_apart(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0, stream=0)
        writer.add(signals.LOSS, 0, 2.0, stream=1)
    with Run.open(tmp_path) as run:
        assert [s.series(signals.LOSS).values[0] for s in run.streams()] == [1.0, 2.0]


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 4_000), signal_bytes=st.integers(5_000, 40_000))
def test_a_signal_stays_within_its_share_and_keeps_its_head(tmp_path_factory, count, signal_bytes):
    folder = tmp_path_factory.mktemp("run")
    with RunWriter(folder, signal_bytes=signal_bytes) as writer:
        for step in range(count):
            writer.add(signals.LOSS, step, float(step))
    with Run.open(folder) as run:
        series = run.series(signals.LOSS)
    head = min(count, HEAD)
    np.testing.assert_array_equal(series.steps[:head], np.arange(head))
    np.testing.assert_array_equal(series.values, series.steps.astype(float))
    assert len(series) <= max(2 * HEAD + 1, signal_bytes // 32 + 1)
    gaps = np.diff(series.steps[HEAD:])
    assert len(set(gaps.tolist())) <= 1, "what is kept after the head is evenly spaced"
    assert len(series) * 32 >= min(count * 32, signal_bytes) / 4, "thinning does not throw away more than it must"


def test_a_long_run_stays_bounded_on_disk(tmp_path):
    with RunWriter(tmp_path, signal_bytes=100_000) as writer:
        writer.name(Index.PARAMETER, [f"p{i}" for i in range(100)])
        for step in range(5_000):
            writer.add(signals.LOSS, step, 1.0)
            writer.add(signals.GRADIENT_NORM, step, np.ones(100))
    assert (tmp_path / FILE_NAME).stat().st_size < 600_000


def test_what_was_flushed_survives_kill_9(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from unstuck.record import RunWriter, signals
        writer = RunWriter(Path(sys.argv[1]))
        for step in range(500):
            writer.add(signals.LOSS, step, float(step))
        writer.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=False)
    assert killed.returncode == -signal.SIGKILL
    with Run.open(tmp_path / "run") as run:
        assert len(run.series(signals.LOSS)) == 500


def test_another_process_reads_while_we_write(tmp_path):
    script = (
        "import sys; from unstuck.record import Run, signals; print(len(Run.open(sys.argv[1]).series(signals.LOSS)))"
    )
    with RunWriter(tmp_path) as writer:
        for step in range(10):
            writer.add(signals.LOSS, step, 1.0)
        writer.flush()
        seen = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
        assert seen.stdout.strip() == "10"
        writer.add(signals.LOSS, 10, 1.0)


def test_facts_grow_without_a_new_schema(tmp_path):
    known = facts.Loss(
        function="cross_entropy",
        output=facts.LossOutput(shape=(6, 3)),
        classes=facts.LossClasses(number=3, counts=(1, 2, 3)),
    )
    with RunWriter(tmp_path) as writer:
        writer.state(known)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute(
            "INSERT INTO facts (stream, kind, value) VALUES (0, 'end', ?)",
            ('{"reason": "completed", "steps": 3, "from_the_future": 1}',),
        )
    with Run.open(tmp_path) as run:
        assert run.fact(facts.Loss) == known
        assert run.fact(facts.End) == facts.End(reason="completed", steps=3)


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    RunWriter(tmp_path).close()
    with pytest.raises(RunWriteError, match="there is a run already"):
        RunWriter(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RunWriteError, match=r"cannot be written .*--out"):
        RunWriter(file / "run")


def test_hundreds_of_trainings_stay_bounded_and_are_seen_alike(tmp_path):
    with RunWriter(tmp_path, signal_bytes=50_000) as writer:
        for stream in range(400):
            writer.name(Index.PARAMETER, ["a", "b"], stream=stream)
            for step in range(120):
                writer.add(signals.LOSS, step, 1.0, stream=stream)
                writer.add(signals.GRADIENT_NORM, step, [1.0, 2.0], stream=stream)
            writer.state(facts.End(reason="completed", steps=120), stream=stream)
    with Run.open(tmp_path) as run:
        streams = run.streams()
        assert len(streams) == 400
        losses = [len(stream.series(signals.LOSS)) for stream in streams]
        norms = [stream.table(signals.GRADIENT_NORM).steps for stream in streams]
    assert all(HEAD // 2 <= count <= HEAD for count in losses), "the curve of the loss is kept best"
    assert all(8 <= len(steps) <= 16 for steps in norms)
    assert all(steps[0] == 0 and steps[-1] >= 96 for steps in norms), "from the first steps to the last"
    assert (tmp_path / FILE_NAME).stat().st_size < 400 * 5_000


def test_a_sample_of_many_signals_is_written_as_they_would_be_one_by_one(tmp_path):
    values = np.random.default_rng(0).normal(size=(400, 6)).tolist()
    with RunWriter(tmp_path / "together", signal_bytes=4_000) as together:
        for step, (loss, *norms) in enumerate(values):
            together.add_sample(step, {signals.LOSS: loss, signals.WEIGHT_NORM: norms, signals.TRAIN_LOSS: step})
    with RunWriter(tmp_path / "singly", signal_bytes=4_000) as singly:
        for step, (loss, *norms) in enumerate(values):
            singly.add(signals.LOSS, step, loss)
            singly.add(signals.WEIGHT_NORM, step, norms)
            singly.add(signals.TRAIN_LOSS, step, step)
    rows = "SELECT * FROM samples ORDER BY signal, position"
    with contextlib.closing(sqlite3.connect(tmp_path / "together" / FILE_NAME)) as one:
        written = one.execute(rows).fetchall()
    with contextlib.closing(sqlite3.connect(tmp_path / "singly" / FILE_NAME)) as other:
        assert written == other.execute(rows).fetchall()
    assert len(written) < 3 * 400, "thinned"


def test_facts_are_written_together_and_behind_the_samples_before_them(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        written: list[list[str]] = []
        write = writer._ledger.write
        writer._ledger.write = lambda *statements: (
            written.append([s.split()[2] for s, _ in statements]),
            write(*statements),
        )
        writer.state(facts.Event(step=0, what="one"), facts.End(reason="completed", steps=1, message=""))
        assert written == [["samples", "facts"]]
    with Run.open(tmp_path) as run:
        assert [type(fact) for fact in (run.fact(facts.Event), run.fact(facts.End))] == [facts.Event, facts.End]
