"""The page in a real browser: every plot holds ink, no error is logged, nothing is asked of the network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from unstuck.record import Run, RunWriter, Verdict, signals
from unstuck.report import write_html

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=5000",
    "--window-size=1600,1200",
    "--enable-logging=stderr",
)
PLOTS = ("loss", "accuracy", "rate", "ratio", "gradient", "dead", "saturated")

# Runs after the page's own scripts, in a copy whose policy is lifted for it: counts coloured pixels of each canvas,
# and exercises what a reader would press.
PROBE = """
<script>
const ink = (canvas) => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3]) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
};
const measure = () => document.querySelectorAll("canvas").forEach((canvas) => (canvas.dataset.ink = ink(canvas)));
addEventListener("load", () => setTimeout(() => {
  measure();
  document.querySelectorAll("figure img").forEach((image) => (image.dataset.loaded = image.naturalWidth));
  document.body.dataset.width = innerWidth;
  document.body.dataset.overflow = document.documentElement.scrollWidth - innerWidth;
  document.body.dataset.requests = performance.getEntriesByType("resource").map((entry) => entry.name).join(" ");
  const loss = document.getElementById("plot-0-loss");
  if (loss) {
    document.body.dataset.first = loss.dataset.scale;
    loss.querySelector("[data-scale=log]").click();
    document.body.dataset.then = loss.dataset.scale;
    loss.querySelector(".chart").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
    document.body.dataset.aloud = loss.querySelector(".aloud").textContent;
    loss.querySelector(".legend button").click();
    const over = document.querySelector("#plot-0-gradient .u-over");
    const {left, top, width} = over.getBoundingClientRect();
    const mouse = (type, share, target) => target.dispatchEvent(new MouseEvent(type, {
      clientX: left + share * width, clientY: top + 20, bubbles: true, view: window, movementX: 1}));
    mouse("mouseenter", 0.5, over); mouse("mousemove", 0.5, over); mouse("mousedown", 0.5, over);
    mouse("mousemove", 0.6, over); mouse("mouseup", 0.6, document);
    const resets = () => [...document.querySelectorAll(".reset")].filter((button) => !button.hidden).length;
    setTimeout(() => {
      document.body.dataset.zoomed = resets();
      loss.querySelector(".reset").click();
      setTimeout(() => (document.body.dataset.whole = resets()), 200);
    }, 200);
    document.body.dataset.pressed = loss.querySelector(".legend button").getAttribute("aria-pressed");
  }
  document.body.dataset.done = "yes";
}, 500));
</script>
"""


def browser() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named if named and shutil.which(named) else next(filter(None, map(shutil.which, NAMES)), None)


pytestmark = pytest.mark.skipif(browser() is None, reason="no Chromium found; install one, or name it in $CHROMIUM")


class Dom(HTMLParser):
    """Every element of a page by its tag, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str, having: str = "") -> list[dict[str, str | None]]:
        return [
            attributes for name, attributes in self.elements if name == tag and (not having or having in attributes)
        ]


def visit(page: Path, folder: Path, *flags: str) -> tuple[Dom, str]:
    """Open a page; give the elements it ends with, and what the browser logged of it."""
    command = [browser() or "", *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Dom(done.stdout), console


def probed(page: Path) -> Path:
    text = page.read_text(encoding="utf-8")
    lifted, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert count == 1
    copy = page.with_name("probed.html")
    copy.write_text(lifted.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    return copy


def test_every_plot_of_a_healthy_run_is_drawn(healthy: Run, healthy_verdict: Verdict, tmp_path: Path) -> None:
    page = write_html(healthy, healthy_verdict, tmp_path / "report.html")
    dom, console = visit(page, tmp_path)
    assert console == ""
    (root,) = dom.all("html")
    assert root["data-ready"] == str(len(PLOTS))
    assert "data-errors" not in root
    figures = {figure["id"]: figure for figure in dom.all("figure", "data-points")}
    assert list(figures) == [f"plot-0-{name}" for name in PLOTS]
    assert all(int(figure["data-points"] or 0) >= 20 for figure in figures.values())
    lines = {name: int(figures[f"plot-0-{name}"]["data-lines"] or 0) for name in PLOTS}
    assert lines == {"loss": 3, "accuracy": 2, "rate": 1, "ratio": 4, "gradient": 2, "dead": 2, "saturated": 1}
    maps = dom.all("canvas", "data-map")
    assert len(maps) == 8
    assert all(int(canvas["data-points"] or 0) > 300 for canvas in maps)


@pytest.mark.parametrize(("theme", "width"), [(0, 1600), (1, 500)], ids=["dark and wide", "light and narrow"])
def test_canvases_hold_ink_and_buttons_work(
    healthy: Run, healthy_verdict: Verdict, tmp_path: Path, theme: int, width: int
) -> None:
    page = probed(write_html(healthy, healthy_verdict, tmp_path / "report.html"))
    dom, console = visit(
        page, tmp_path, f"--blink-settings=preferredColorScheme={theme}", f"--window-size={width},1000"
    )
    assert console == ""
    (body,) = dom.all("body")
    assert (body["data-done"], body["data-width"]) == ("yes", str(width))
    # uPlot clears and rebuilds the loss when its axis changes, after the ink was measured; the others keep theirs.
    canvases = [c for c in dom.all("canvas") if "data-ink" in c]
    assert len(canvases) >= len(PLOTS) - 1 + 8
    assert all(int(canvas["data-ink"] or 0) > 20 for canvas in canvases)
    assert [int(image["data-loaded"] or 0) > 50 for image in dom.all("img")] == [True, True]
    assert body["data-requests"] == ""
    assert int(body["data-overflow"] or 0) <= 0
    assert (body["data-first"], body["data-then"], body["data-pressed"]) == ("linear", "log", "false")
    assert (body["data-zoomed"], body["data-whole"]) == (str(len(PLOTS)), "0")  # all plots zoom together, and back
    assert re.match(r"step \d+: batch [\d.]+, mean of 23 samples [\d.]+, validation", body["data-aloud"] or "")


def test_a_broken_run_is_drawn_up_to_where_it_broke(sick: Run, sick_verdict: Verdict, tmp_path: Path) -> None:
    page = probed(write_html(sick, sick_verdict, tmp_path / "report.html"))
    dom, console = visit(page, tmp_path)
    assert console == ""
    (body,) = dom.all("body")
    assert body["data-first"] == "log"
    figures = {figure["id"]: int(figure["data-points"] or 0) for figure in dom.all("figure", "data-points")}
    assert len(figures) == len(PLOTS)
    assert min(figures.values()) >= 20


def test_two_trainings_draw_their_own_plots(tmp_path: Path, train: Callable[..., None], sick_verdict: Verdict) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for stream in (0, 1):
            train(writer, sick=bool(stream), steps=120, stream=stream)
    with Run.open(tmp_path / "run") as run:
        page = write_html(run, sick_verdict, tmp_path / "report.html")
    dom, console = visit(page, tmp_path)
    assert console == ""
    assert len(dom.all("figure", "data-points")) == 2 * len(PLOTS)


def test_a_single_sample_is_drawn_as_a_point(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        writer.add(signals.LOSS, 0, 2.3)
    with Run.open(tmp_path / "run") as run:
        page = write_html(run, Verdict(kind="not enough data", headline="one step"), tmp_path / "report.html")
    dom, console = visit(page, tmp_path)
    assert console == ""
    assert [figure["data-points"] for figure in dom.all("figure", "data-points")] == ["1"]


def test_an_error_of_the_script_is_not_silent(healthy: Run, healthy_verdict: Verdict, tmp_path: Path) -> None:
    """The other tests can see an error only if the page would tell of one."""
    page = write_html(healthy, healthy_verdict, tmp_path / "report.html")
    broken = page.read_text(encoding="utf-8").replace('"0-dead":{', '"0-nothing":{')
    page.write_text(broken, encoding="utf-8")
    dom, _ = visit(page, tmp_path)
    (root,) = dom.all("html")
    assert "plot-0-dead" in (root["data-errors"] or "")
    assert len(dom.all("figure", "data-points")) == len(PLOTS) - 1


def test_a_request_would_be_seen(healthy: Run, healthy_verdict: Verdict, tmp_path: Path) -> None:
    """The list of requests is empty because none is made, not because none can be seen."""
    page = probed(write_html(healthy, healthy_verdict, tmp_path / "report.html"))
    address = "http://127.0.0.1:9/tracker.png"
    page.write_text(page.read_text(encoding="utf-8").replace("<main", f'<img src="{address}"><main'), encoding="utf-8")
    dom, _ = visit(page, tmp_path)
    assert dom.all("body")[0]["data-requests"] == address
