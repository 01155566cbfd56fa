"""A snapshot reads the facts of all streams at once, and builds those in the same words once."""

from __future__ import annotations

import sqlite3

import pytest

from unstuck.record import Run, RunWriter, facts, signals
from unstuck.record.database import open_database
from unstuck.record.kept import Kept, has_samples, stream_numbers
from unstuck.record.schema import FILE_NAME


def test_facts_of_all_streams_take_one_query(tmp_path):
    model = facts.Model(type="Net")
    with RunWriter(tmp_path) as writer:
        for stream in range(20):
            writer.state(model, stream=stream)
            writer.state(facts.End(reason="completed", steps=stream), stream=stream)
    with Run.open(tmp_path) as run:
        asked: list[str] = []
        run._connection.set_trace_callback(asked.append)
        streams = run.snapshot().streams()
        found = [(stream.fact(facts.Model), stream.fact(facts.End)) for stream in streams]
        assert sum("FROM facts" in query and "DISTINCT" not in query for query in asked) == 1
    assert [end.steps for _, end in found] == list(range(20))
    assert len({id(made) for made, _ in found}) == 1


def test_facts_that_are_missing_are_noticed(tmp_path):
    with RunWriter(tmp_path) as writer:
        for step in range(3):
            writer.state(facts.Event(step=step, what="went on"))
    connection = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    connection.execute("DELETE FROM facts WHERE id = 2")
    connection.close()
    database = open_database(tmp_path / FILE_NAME)
    with pytest.raises(ValueError, match="some are missing"):
        Kept(database).facts()
    database.close()


def test_streams_are_those_of_samples_and_facts(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.add(signals.LOSS, 0, 1.0, stream=3)
        writer.add(signals.LOSS, 1, 1.0, stream=3)
        writer.add(signals.ACCURACY, 0, 1.0, stream=70)
        writer.state(facts.Event(step=0, what="began"), stream=5)
    database = open_database(tmp_path / FILE_NAME)
    assert stream_numbers(database.connection) == (3, 5, 70)
    assert has_samples(database.connection, 3, signals.LOSS)
    assert not has_samples(database.connection, 70, signals.LOSS)
    assert not Kept(database).several()
    database.close()
