"""The sheets of landscapes, as data and in a browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.landscape import line, plane
from unstuck.surfaces.drawing import HEIGHT, WIDTH
from unstuck.surfaces.page import write_sheet
from unstuck.surfaces.picture import write_picture
from unstuck.surfaces.weights import sheet_of_line, sheet_of_plane

MSE = nn.functional.mse_loss
WORDS = {"made_of": "Made so.", "command": "unstuck landscape"}
PROBE = """
const said = {controls: getComputedStyle(document.getElementById("first")).display};
const ground = document.getElementById("ground");
const area = ground.getBoundingClientRect();
const middle = {clientX: area.left + area.width / 2, clientY: area.top + area.height / 2};
ground.dispatchEvent(new PointerEvent("pointermove", middle));
said.under = document.getElementById("under").textContent;
said.marks = [...document.querySelectorAll('[data-panel="1"] text')].map((text) => text.textContent);
said.curves = [...document.querySelectorAll("#panels polyline")].map((line) => line.points.numberOfItems);
said.heads = document.querySelectorAll("#table thead th").length;
said.width = document.documentElement.scrollWidth - innerWidth;
document.getElementById("turn").click();
said.errors = document.documentElement.dataset.errors || "";
document.body.dataset.said = JSON.stringify(said);
"""


def model_and_batch():
    torch.manual_seed(0)
    return nn.Linear(4, 2), (torch.randn(16, 4), torch.randn(16, 2))


def walked():
    model, batch = model_and_batch()
    states = [{"weight": torch.randn(2, 4), "bias": torch.randn(2)} for _ in range(4)]
    path = plane(model, MSE, batch, path=states, points=9, names=("start", "b", "c", "end"))
    between = line(model, MSE, batch, start=states[0], end=states[-1], names=("start", "end"), points=7)
    return path, between


def browsed(browse, page):
    found = re.search(r'data-said="([^"]*)"', browse(page, PROBE))
    assert found, "the probe did not run to its end"
    return json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&"))


def test_the_path_lies_where_its_feet_are():
    path, between = walked()
    sheet = sheet_of_plane(path, line=between, **WORDS)
    (way,) = sheet.ways
    back = way / (WIDTH, -HEIGHT) * (path.x[-1] - path.x[0], path.y[-1] - path.y[0]) + (path.x[0], path.y[-1])
    np.testing.assert_allclose(back, path.path.coordinates, atol=1e-9)
    assert sheet.names == ("start to end",)
    assert [panel.at is None for panel in sheet.panels] == [True, True, False]
    assert sheet.map.axes == path.axes


def test_a_path_in_a_browser(browse, tmp_path):
    path, between = walked()
    seen = browsed(browse, write_sheet(sheet_of_plane(path, line=between, **WORDS), tmp_path / "a.html"))
    assert seen["errors"] == ""
    assert seen["curves"] == [4, 4, 4, 7]
    assert seen["heads"] == 2 + 2
    assert seen["controls"] != "none"
    assert seen["width"] <= 0
    loss = float(re.match(r"loss ([\d.e+-]+) at ", seen["under"])[1])
    assert loss == pytest.approx(path.losses[4, 4], rel=0.02)


def test_random_directions_in_a_browser(browse, tmp_path):
    model, batch = model_and_batch()
    sheet = sheet_of_plane(plane(model, MSE, batch, points=9), **WORDS)
    seen = browsed(browse, write_sheet(sheet, tmp_path / "a.html"))
    assert seen["errors"] == ""
    assert seen["curves"] == [9, 9]
    assert seen["controls"] == "none" or seen["heads"] == 2
    assert "filter norms" in sheet.map.axes[0]


def test_a_line_has_curves_and_no_map(tmp_path):
    _, between = walked()
    sheet = sheet_of_line(between, **WORDS)
    assert sheet.map is None
    text = write_picture(sheet, tmp_path / "a.svg").read_text()
    assert "share of the way from start to end" in text
    assert 'd="M' in text
    assert "barrier" in sheet.remarks[0]


def test_large_grids_make_small_pages(tmp_path):
    model, batch = model_and_batch()
    sheet = sheet_of_plane(plane(model, MSE, batch, points=301), **WORDS)
    assert max(sheet.losses.shape) <= 101
    assert write_sheet(sheet, tmp_path / "a.html").stat().st_size < 800_000
