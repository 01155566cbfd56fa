from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.sweep.formula import SMALL, outcome
from tests.sweep.results import result
from unstuck.errors import RunWriteError
from unstuck.sweep import read_space
from unstuck.sweep.page import render_sweep, write_sweep

PROBE = """
const lines = [...document.querySelectorAll("svg polyline, svg circle, svg .cross")];
document.querySelector("button[data-copy]").click();
document.body.dataset.said = JSON.stringify({
  threads: document.querySelectorAll(".thread").length, dots: document.querySelectorAll(".dot").length,
  width: document.documentElement.scrollWidth - innerWidth,
  recipe: document.getElementById("recipe").textContent,
  loaded: performance.getEntriesByType("resource").length,
  titled: lines.every((line) => line.querySelector("title")),
});
"""


def test_the_page_stands_in_a_browser_and_loads_nothing(space, tmp_path, browse):
    found = result(space)
    page = write_sweep(found, tmp_path / "deep" / "sweep.html", source="mlp", best=tmp_path / "best.toml")
    said = json.loads(re.search(r'data-said="([^"]*)"', browse(page, PROBE)).group(1).replace("&quot;", '"'))
    kept = sum(one.outcome.kept for one in found.tried)
    assert (said["threads"], said["dots"], said["loaded"], said["titled"]) == (len(found.tried), kept, 0, True)
    assert said["width"] <= 0
    assert said["recipe"] == found.text


def test_the_page_says_what_was_stopped_and_names_are_escaped(space):
    page = render_sweep(
        result(space, lambda a: outcome(reason="pruned", code="O201", said="<b>up</b> & away")),
        source="<mlp>",
        best=Path("best.toml"),
    )
    assert "&lt;b&gt;up&lt;/b&gt; &amp; away" in page
    assert "<b>up" not in page
    assert "Sweep of &lt;mlp&gt;" in page
    assert "not-learnt" in page


def test_batch_sizes_have_their_curves_and_their_table():
    space = read_space("mlp", over=["train.batch_size=8, 32"], overrides=SMALL)
    page = render_sweep(result(space), source="mlp", best=Path("best.toml"))
    assert "batch size 32" in page
    assert "accuracy per second" in page


def test_a_file_that_may_not_be_written_is_one_message(space, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunWriteError):
        write_sweep(result(space), tmp_path / "file" / "page.html", source="mlp", best=Path("best.toml"))
