"""Reading refuses what is no run, what is newer, and what is asked wrongly."""

from __future__ import annotations

import sqlite3

import pytest

from unstuck.errors import ArgumentError, NewerSchemaError, NotARunError
from unstuck.record import Index, Run, RunWriter, signals
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
