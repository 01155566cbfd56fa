"""The time said before, on a terminal and without one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from unstuck.cli.bar import PointsBar


def shown(seconds: float, *, terminal: bool) -> str:
    stream = io.StringIO()
    bar = PointsBar(Console(file=stream, force_terminal=terminal, width=100))
    bar.begin(40_000, seconds)
    bar.advance(40_000)
    bar.end()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.5, ""), (30.0, "40,000 points take about 30 s\n"), (600.0, "about 10 minutes; fewer with")]
)
def test_the_time_is_said_where_it_matters(seconds, said):
    text = shown(seconds, terminal=False)
    assert text == said if not said or said.endswith("\n") else said in text


def test_a_terminal_gets_a_bar():
    assert "40000/40000" in shown(0.5, terminal=True)
