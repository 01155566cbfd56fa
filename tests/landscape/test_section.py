"""The words and the plain data of lines and planes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unstuck.landscape import Line, Plane

NAN = float("nan")


def a_line(losses, ends=(1.0, 0.0)) -> Line:
    at = np.linspace(-0.25, 1.25, len(losses))
    return Line(names=("a", "b"), distance=2.0, at=at, losses=np.array(losses), ends=ends, notes=(), seconds=0.1)


def a_plane(losses) -> Plane:
    at = np.array([-1.0, 0.0, 1.0])
    return Plane(
        kind="filters", x=at, y=at, losses=np.array(losses), centre=0.5, explained=None, path=None, seed=4,
        notes=("Noted.",), seconds=0.1,
    )  # fmt: skip


def test_a_barrier_counts_between_the_ends_only():
    assert a_line([9.0, 1.0, 1.5, 0.5, 0.25, 0.0, 9.0]).barrier == pytest.approx(1.5 - 0.75)
    assert a_line([9.0, 1.0, NAN, 0.5, 0.25, 0.0, 9.0]).barrier == 0.0


def test_captions_say_what_is_missing_and_how_axes_are_measured():
    caption = a_plane([[1.0, NAN, 1.0], [1.0, 0.5, 1.0], [NAN, 1.0, 2.0]]).caption
    for said in ("At 2 of 9 points it is not finite", "seed 4", "its own norm", "from 0.5 to 2", "Noted."):
        assert said in caption
    assert "a (0)" in a_line([1.0] * 7).caption


def test_plain_data_is_json_without_nan():
    for found in (a_line([1.0, NAN, 1.0]), a_plane([[1.0, NAN, 1.0]] * 3)):
        text = json.dumps(found.to_dict(), allow_nan=False)
        assert "null" in text
