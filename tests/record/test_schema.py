"""The layout has the tables that its readers ask for."""

from __future__ import annotations

import sqlite3

from unstuck.record.schema import CREATE, TABLES


def test_every_table_is_made():
    connection = sqlite3.connect(":memory:")
    connection.executescript(CREATE)
    assert {row[0] for row in connection.execute("SELECT name FROM sqlite_master")} == set(TABLES)
    connection.close()
