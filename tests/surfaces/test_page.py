"""The page in a real browser: ways and curves are drawn, the player walks, zoom changes the axes, nothing is loaded."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from unstuck.errors import RunWriteError
from unstuck.surfaces import SURFACES, Entry, race
from unstuck.surfaces.averages import averages
from unstuck.surfaces.drawing import HEIGHT, WIDTH
from unstuck.surfaces.page import sheet_of, write_sheet

PROBE = """
const click = (id) => document.getElementById(id).click();
const text = (id) => document.getElementById(id).textContent;
const said = {
  ways: [...document.querySelectorAll("#ways polyline.now")].map((line) => line.points.numberOfItems),
  curves: [...document.querySelectorAll("#panels polyline")].map((line) => line.points.numberOfItems),
  cells: document.querySelectorAll("#table tbody td").length, end: text("step"),
  marks: [...document.querySelectorAll(".across text")].map((mark) => mark.textContent),
  width: document.documentElement.scrollWidth - innerWidth,
};
click("first");
click("next");
said.second = text("step");
said.first = [...document.querySelectorAll("#ways polyline.now")].map((line) => line.points.numberOfItems);
said.arrow = document.querySelector(".arrow.gradient")?.getAttribute("x1");
dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
said.third = text("step");
document.querySelector(".swatch").click();
said.hidden = document.querySelectorAll("#ways .hidden").length;
click("in"); click("in");
said.zoomed = document.getElementById("ground").getAttribute("viewBox");
said.finer = [...document.querySelectorAll(".across text")].map((mark) => mark.textContent);
click("whole");
said.whole = document.getElementById("ground").getAttribute("viewBox");
click("turn");
const solid = document.getElementById("solid");
const {data} = solid.getContext("2d").getImageData(0, 0, solid.width, solid.height);
const colours = new Set();
for (let i = 0; i < data.length; i += 4)
  if (data[i + 3] === 255) colours.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
said.solid = colours.size;
said.map = getComputedStyle(document.getElementById("map")).display;
click("play");
said.playing = text("play");
said.loaded = performance.getEntriesByType("resource").length;
said.errors = document.documentElement.dataset.errors || "";
document.body.dataset.said = JSON.stringify(said);
"""


def sheet(*texts, surface="bowl", steps=60):
    tracks = race(SURFACES[surface], [Entry.parse(text) for text in texts], steps=steps)
    return sheet_of(tracks, title="Two <methods>", text="Why & how.", made_of="Made so.", command="unstuck race 'a'")


def said(html):
    found = re.search(r'data-said="([^"]*)"', html)
    assert found, "the probe did not run to its end"
    return json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&"))


def test_a_race_can_be_played_stepped_through_and_zoomed_into(browse, tmp_path):
    page = write_sheet(sheet("momentum lr=0.02", "look-ahead-nesterov lr=0.02", "sgd lr=1.5"), tmp_path / "a.html")
    seen = said(browse(page, PROBE))
    assert seen["errors"] == ""
    assert seen["loaded"] == 0
    assert seen["width"] <= 0
    assert seen["ways"][:2] == [61, 61]
    assert 3 < seen["ways"][2] <= 61
    assert min(seen["curves"]) > 3
    assert seen["cells"] == 3 * (1 + 3)
    assert (seen["end"], seen["second"], seen["third"]) == ("step 60", "step 1", "step 2")
    assert seen["first"] == [2, 2, 2]
    assert seen["arrow"] is not None
    assert seen["hidden"] >= 3
    assert float(seen["zoomed"].split()[2]) == pytest.approx(WIDTH * 0.36)
    assert seen["marks"] != seen["finer"]
    assert seen["whole"] == f"0 0 {WIDTH} {HEIGHT}"
    assert seen["solid"] > 100
    assert seen["map"] == "none"
    assert seen["playing"] == "Pause"


def test_the_policy_lets_the_pages_own_script_run(browse, tmp_path):
    html = browse(write_sheet(sheet("adam lr=0.1"), tmp_path / "a.html"))
    assert 'data-ready="true"' in html
    assert "data-errors" not in html


def test_a_page_without_a_map_draws_its_curves(browse, tmp_path):
    html = browse(write_sheet(averages(), tmp_path / "a.html"))
    assert "data-errors" not in html
    assert html.count("<polyline") == 9


def test_texts_are_escaped(tmp_path):
    text = write_sheet(sheet("sgd lr=0.01"), tmp_path / "a.html").read_text()
    assert "<h1>Two &lt;methods&gt;</h1>" in text
    assert "Why &amp; how." in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_ways_and_arrows_lie_in_units_of_the_map():
    drawn = sheet("momentum lr=0.02 momentum=0.5", steps=3)
    (way,) = drawn.ways
    left, right, low, high = SURFACES["bowl"].window
    np.testing.assert_allclose(way[0], [(-4 - left) / (right - left) * WIDTH, (high - 1.5) / (high - low) * HEIGHT])
    ((number, velocity, gradient),) = drawn.arrows
    assert number == 0
    np.testing.assert_allclose(velocity[:-1] + gradient[:-1], np.diff(way, axis=0))


def test_a_long_race_makes_a_small_page(tmp_path):
    texts = ("sgd lr=1e-2", "sgd lr=1e-7", "adagrad lr=1", "rmsprop lr=0.01", "adam lr=0.1", "momentum lr=1e-6")
    page = write_sheet(sheet(*texts, surface="valley", steps=100_000), tmp_path / "a.html")
    assert page.stat().st_size < 800_000


def test_a_folder_that_may_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunWriteError, match="the page cannot be written"):
        write_sheet(sheet("sgd lr=0.01"), tmp_path / "file" / "a.html")
