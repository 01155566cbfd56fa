"""The animated GIF of a race."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from unstuck.errors import ArgumentError, MissingPackageError
from unstuck.surfaces import SURFACES, Entry, race
from unstuck.surfaces.animation import LEFT, PAUSE, TOP, write_animation
from unstuck.surfaces.averages import averages
from unstuck.surfaces.page import COLOURS, sheet_of

Image = pytest.importorskip("PIL.Image")


def sheet(*texts: str, steps: int):
    tracks = race(SURFACES["bowl"], [Entry.parse(text) for text in texts], steps=steps)
    return sheet_of(tracks, title="Two methods", text="", made_of="", command="")


def test_each_method_moves_to_its_end(tmp_path):
    drawn = sheet("momentum lr=0.02", "sgd lr=0.02", steps=20)
    with Image.open(write_animation(drawn, tmp_path / "a.gif")) as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (21, PAUSE, 0)
        for frame in (0, 20):
            gif.seek(frame)
            pixels = np.asarray(gif.convert("RGB")).astype(int)
            x, y = drawn.ways[1][frame].round().astype(int)
            colour = [int(COLOURS[1][k : k + 2], 16) for k in (1, 3, 5)]
            assert np.abs(pixels[TOP + y, LEFT + x] - colour).max() < 40, frame


def test_long_races_and_those_that_diverge_make_small_files(tmp_path):
    drawn = sheet("sgd lr=1.5", "adam lr=0.01", steps=5_000)
    file = write_animation(drawn, tmp_path / "a.gif")
    with Image.open(file) as gif:
        assert 60 <= gif.n_frames <= 90
    assert file.stat().st_size < 4_000_000


def test_a_sheet_on_which_nothing_moves_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="nothing moves"):
        write_animation(averages(), tmp_path / "a.gif")


def test_pillow_is_missed_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingPackageError, match=r"Pillow is needed for animations.*unstuck\[images\]"):
        write_animation(sheet("sgd lr=0.02", steps=2), tmp_path / "a.gif")
