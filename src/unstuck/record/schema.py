"""The layout of a run's file: one SQLite database in WAL mode.

=========  ===========================================================================================
table      a row is
=========  ===========================================================================================
meta       one key of the file: ``schema``, ``created``
names      the name of one entry of an index: parameter 3 of stream 0 is ``features.0.weight``
samples    one sample of one signal: its step and all its values as one blob (float64 for one number a
           step, float32 for one number an entry)
facts      one fact of :mod:`unstuck.record.facts`, as JSON
arrays     one array, such as the filters of the first layer
=========  ===========================================================================================

A *stream* is one training: an optimizer and the model whose parameters it holds. Most runs have one, a GAN has two.
``position`` numbers the samples that were offered for one signal of one stream, whether they were kept or not: thinning
keeps the first :data:`HEAD` positions and then those divisible by a stride, which doubles whenever the signal has
filled its share of the file.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from unstuck.errors import NewerSchemaError, NotARunError

__all__ = ["FILE_NAME", "HEAD", "SCHEMA", "SIGNAL_BYTES", "check_schema", "run_file"]

SCHEMA = 1
"""Version of the layout; a reader accepts its own and older ones."""

FILE_NAME = "run.sqlite"
"""Name of the database inside a run's folder."""

HEAD = 64
"""Samples at the start of each signal that are never thinned: how training begins says most about its health."""

SIGNAL_BYTES = 1_000_000
"""Share of the file for one signal of all streams; about fifty signals make about 50 MB."""

CREATE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE names (stream INTEGER, kind TEXT, position INTEGER, name TEXT NOT NULL,
                    PRIMARY KEY (stream, kind, position)) WITHOUT ROWID;
CREATE TABLE samples (stream INTEGER, signal TEXT, position INTEGER, step INTEGER NOT NULL, data BLOB NOT NULL,
                      PRIMARY KEY (stream, signal, position)) WITHOUT ROWID;
CREATE TABLE facts (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE arrays (stream INTEGER, name TEXT, step INTEGER, shape TEXT NOT NULL, data BLOB NOT NULL,
                     PRIMARY KEY (stream, name, step)) WITHOUT ROWID;
"""


def run_file(path: Path) -> Path:
    """The database of a run given as its folder or as the file itself.

    Raises:
        NotARunError: There is no such file.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise NotARunError(f"{path}: no run here; give a folder that holds {FILE_NAME}, such as runs/<date>-<name>")
    return file


def check_schema(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse a file that is no run, or that a newer release wrote.

    Raises:
        NotARunError: The file is no SQLite database, or holds no run.
        NewerSchemaError: Its schema is newer than ours.
    """
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    except sqlite3.DatabaseError as error:
        raise NotARunError(f"{file}: not a run of unstuck ({error})") from error
    if row is None:
        raise NotARunError(f"{file}: not a run of unstuck (it names no schema)")
    if int(row[0]) > SCHEMA:
        raise NewerSchemaError(
            f"{file}: written with schema {row[0]}, this release reads up to {SCHEMA}; upgrade: pip install -U unstuck"
        )
