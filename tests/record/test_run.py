"""Reading refuses what is no run, what is newer, and what is asked wrongly."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from unstuck.errors import ArgumentError, NewerSchemaError, NotARunError
from unstuck.record import Index, Run, RunWriter, facts, signals
from unstuck.record.schema import FILE_NAME, SCHEMA


def test_a_newer_schema_is_refused(tmp_path):
    RunWriter(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA + 1),))
    connection.commit()
    connection.close()
    with pytest.raises(NewerSchemaError, match=r"schema 2.*reads up to 1.*pip install -U unstuck"):
        Run.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look like one" * 10])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(NotARunError, match="not a run"):
        Run.open(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(NotARunError, match="no run here"):
        Run.open(tmp_path)


def test_a_signal_is_read_by_its_shape(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.name(Index.PARAMETER, ["weight"])
        writer.add(signals.GRADIENT_NORM, 0, [1.0])
    with Run.open(tmp_path) as run:
        with pytest.raises(ArgumentError, match=r"table\(\)"):
            run.series(signals.GRADIENT_NORM)
        with pytest.raises(ArgumentError, match=r"series\(\)"):
            run.table(signals.LOSS)
        with pytest.raises(ArgumentError, match="weight"):
            run.table(signals.GRADIENT_NORM).column("bias")
        assert len(run.series(signals.LOSS)) == 0
        assert not run.has(signals.LOSS)


def test_a_run_on_a_read_only_medium_can_be_read(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.add(signals.LOSS, 0, 1.0)
    (tmp_path / "run" / FILE_NAME).chmod(0o444)
    with Run.open(tmp_path / "run" / FILE_NAME) as run:
        assert run.has(signals.LOSS)


def test_histograms_have_their_bins(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.name(Index.LAYER, ["relu", "tanh"])
        writer.add(signals.ACTIVATION_HISTOGRAM, 0, [[1.0] * signals.HISTOGRAM_BINS, [2.0] * signals.HISTOGRAM_BINS])
    with Run.open(tmp_path) as run:
        assert run.table(signals.ACTIVATION_HISTOGRAM).values.shape == (1, 2, signals.HISTOGRAM_BINS)


def test_a_snapshot_reads_once_and_does_not_grow(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.flush()
        with Run.open(tmp_path) as run:
            still = run.snapshot()
            assert len(still.series(signals.LOSS)) == 1
            writer.add(signals.LOSS, 1, 2.0)
            writer.flush()
            assert len(still.series(signals.LOSS)) == 1
            assert run.series(signals.LOSS).values.tolist() == [1.0, 2.0]
            assert run.snapshot().series(signals.LOSS).values.tolist() == [1.0, 2.0]


def test_several_trainings_have_a_loss(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
        writer.state(facts.Event(step=0, what="began"), stream=1)
        writer.flush()
        with Run.open(tmp_path) as run:
            assert [stream.number for stream in run.streams()] == [0, 1]
            assert not run.several
        writer.add(signals.LOSS, 4, 1.0, stream=1)
        writer.add(signals.LOSS, 7, 1.0, stream=1)
    with Run.open(tmp_path) as run:
        assert run.several
        assert [stream.several for stream in run.snapshot().streams()] == [True, True]
        assert [stream.last_step(signals.LOSS) for stream in run.streams()] == [0, 7]
        assert [stream.last_step(signals.ACCURACY) for stream in run.streams()] == [None, None]
        assert [stream.kinds() for stream in run.streams()] == [frozenset(), {"event"}]


def test_a_run_of_no_training_that_was_closed_lacks_nothing(tmp_path):
    RunWriter(tmp_path).close()
    with Run.open(tmp_path) as run:
        assert run.gaps == ()


def test_an_end_that_is_missing_is_a_gap(tmp_path):
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        assert run.gaps[0].startswith("No training stands in it")
        writer.state(facts.Event(step=0, what="began"))
        writer.state(facts.Event(step=0, what="began"), stream=1)
        assert run.gaps[0].startswith("No end of 2 of 2 trainings was recorded: still running, or cut off")
        writer.state(facts.End(reason="completed", steps=1))
        assert run.gaps[0].startswith("No end of 1 of 2 trainings was recorded")
        writer.state(facts.Event(step=0, what=f"{facts.WATCHING_ENDED}the disk is full", blinds=True))
        assert run.gaps[0].startswith("No end of 1 of 2 trainings was recorded: watching ended before")
        writer.state(facts.End(reason="completed", steps=1), stream=1)
        assert run.gaps == ()


def test_a_run_is_called_by_its_folder_however_it_is_named(tmp_path, monkeypatch):
    RunWriter(tmp_path / "first").close()
    monkeypatch.chdir(tmp_path / "first")
    for path in (tmp_path / "first", ".", "run.sqlite", Path("run.sqlite"), "../first"):
        with Run.open(path) as run:
            assert run.name == "first"


def test_a_snapshot_computes_once(tmp_path):
    RunWriter(tmp_path).close()
    with Run.open(tmp_path) as run:
        calls: list[int] = []
        still = run.snapshot()
        for _ in range(2):
            still.once("sum", lambda: calls.append(1))
            run.once("sum", lambda: calls.append(2))
    assert calls.count(1) == 1
    assert calls.count(2) == 2


def test_a_trace_names_what_was_read_also_by_what_was_kept(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0)
    with Run.open(tmp_path) as opened:
        run = opened.snapshot()

        def judge():
            return run.once("kept", lambda: len(run.series(signals.LOSS)) > 0 and run.knows(facts.Model))

        run.has(signals.ACCURACY)
        for _ in range(2):
            assert run.trace(judge) == (False, {"kept", "loss", facts.Model})
