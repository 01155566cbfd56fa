from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from unstuck.surfaces import SURFACES, Entry, race
from unstuck.surfaces.averages import averages
from unstuck.surfaces.page import sheet_of
from unstuck.surfaces.panels import Curve, Panel
from unstuck.surfaces.picture import HEIGHT, WIDTH, chart, write_picture

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_of_a_race_is_an_image_with_every_way(tmp_path):
    tracks = race(SURFACES["valley"], [Entry.parse("sgd lr=1e-2"), Entry.parse("sgd lr=1e9")], steps=2000)
    sheet = sheet_of(tracks, title="A & B", text="", made_of="", command="")
    root = ElementTree.parse(write_picture(sheet, tmp_path / "a.svg")).getroot()
    assert root.tag == f"{SVG}svg"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"A & B", "sgd lr=0.01", "Loss", "step", "x", "y"} <= set(texts)
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    assert len(list(root.iter(f"{SVG}image"))) == 1
    numbers = [path.get("d") for path in root.iter(f"{SVG}path")]
    assert not any("nan" in d or "inf" in d for d in numbers)


def test_a_sheet_without_a_map_is_drawn_as_charts(tmp_path):
    root = ElementTree.parse(write_picture(averages(), tmp_path / "a.svg")).getroot()
    assert len([g for g in root.iter(f"{SVG}path") if g.get("stroke-dasharray")]) == 3


def line(values, *, log):
    panel = Panel(title="t", read="", curves=(Curve(method=0, values=np.array(values)),), log=log)
    return chart(panel, np.arange(len(values)))


@pytest.mark.parametrize(
    ("values", "log", "expected"),
    [
        ([0.0, 1.0, 2.0], False, f"M0.0 {HEIGHT:.1f}L{WIDTH / 2:.1f} {HEIGHT / 2:.1f}L{WIDTH:.1f} 0.0"),
        ([1.0, 10.0, 100.0], True, f"M0.0 {HEIGHT:.1f}L{WIDTH / 2:.1f} {HEIGHT / 2:.1f}L{WIDTH:.1f} 0.0"),
        ([1.0, np.nan, 3.0], False, f"M0.0 {HEIGHT:.1f}M{WIDTH:.1f} 0.0"),
    ],
)
def test_curves_are_scaled_to_the_chart_and_broken_where_values_are_missing(values, log, expected):
    assert line(values, log=log).lines[0][2] == expected


def test_a_logarithmic_axis_shows_no_more_than_fourteen_decades():
    drawn = line([1.0, 1e-300], log=True)
    assert drawn.up[0].text == "1e-14"
    assert drawn.lines[0][2].endswith(f"{HEIGHT:.1f}")


@pytest.mark.parametrize("values", [[np.nan, np.nan], [3.0, 3.0], [0.0, 0.0]])
@pytest.mark.parametrize("log", [True, False])
def test_nothing_to_draw_is_no_error(values, log):
    assert line(values, log=log).up


def test_a_method_that_diverges_leaves_room_for_the_others():
    falling, rising = 10.0 ** -np.arange(5.0), 10.0 ** (np.arange(5.0) * 70)
    panel = Panel(title="Loss", read="", curves=(Curve(method=0, values=falling), Curve(method=1, values=rising)))
    path = chart(panel, np.arange(5)).lines[0][2]
    heights = [float(point.split()[1]) for point in path.removeprefix("M").split("L")]
    assert min(np.diff(heights)) > 0.1 * HEIGHT
