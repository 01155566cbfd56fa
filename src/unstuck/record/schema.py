"""The layout of a run's file: one SQLite database in WAL mode.

=========  ===========================================================================================
table      a row is
=========  ===========================================================================================
meta       one key of the file: ``schema``, ``created``, ``closed``; or one fact of the whole program, as JSON
names      the name of one entry of an index: parameter 3 of stream 0 is ``features.0.weight``
samples    one sample of one signal: its step and all its values as one blob (float64 for one number a
           step, float32 for one number an entry)
facts      one fact of :mod:`unstuck.record.facts`, as JSON
arrays     one array, such as the filters of the first layer
=========  ===========================================================================================

A *stream* is one training: an optimizer and the model whose parameters it holds. Most runs have one, a GAN has two.
``position`` numbers the samples that were offered for one signal of one stream, whether they were kept or not: thinning
(:mod:`unstuck.record.thinning`) keeps the first positions, :data:`HEAD` where there is room for them, and then those
divisible by a stride, which doubles whenever the signal has filled its share of the file.
"""

from __future__ import annotations

__all__ = ["CREATE", "FILE_NAME", "HEAD", "SCHEMA", "SIGNAL_BYTES", "TABLES"]

SCHEMA = 1
"""Version of the layout; a reader accepts its own and older ones."""

FILE_NAME = "run.sqlite"
"""Name of the database inside a run's folder."""

HEAD = 64
"""Samples at the start of each signal that are thinned last: how training begins says most about its health."""

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

TABLES = ("meta", "names", "samples", "facts", "arrays")
"""What a run holds, whatever it recorded."""
