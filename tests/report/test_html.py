from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from unstuck.errors import ArgumentError, RunWriteError
from unstuck.record import Confirmation, Index, Run, RunWriter, Verdict, Where, facts, signals
from unstuck.report import write_html
from unstuck.report.html import render_html
from unstuck.rules import judge

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&{{7*7}}\u2028"


class Page(HTMLParser):
    """Tags, visible text and scripts of a page, as a browser would split them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words).replace("\u2060", ""))


@pytest.fixture
def page(sick: Run, sick_verdict: Verdict) -> Page:
    return Page(render_html(sick, sick_verdict))


def test_the_verdict_comes_first_with_evidence_advice_and_symptoms(page: Page) -> None:
    order = [
        "1 problem was found.",
        "It did not learn: after 900 steps the loss has risen",
    ]
    order += ["The learning rate is far too high", "update ratio 0.31, above 0.01, steps 0–49"]
    order += [
        "Set lr=0.1",
        "very likely (93%)",
        "All units of layers 1 and 3",
        "2 checks found nothing, 2 could not be made.",
        "The training in pictures",
    ]
    at = [page.text.index(part) for part in order]
    assert at == sorted(at)


def test_health_lists_what_was_checked(healthy: Run, healthy_verdict: Verdict) -> None:
    text = Page(render_html(healthy, healthy_verdict)).text
    assert "It learns: training accuracy 99%. Nothing wrong was found." in text
    assert "7 checks found nothing, 1 could not be made." in text
    assert "Found nothing (7)" in text
    assert "no evaluation was seen" in text


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        source = attributes.get("src") or attributes.get("href") or ""
        assert not source or source.startswith(("data:image/png;base64,", "#"))
        assert not [name for name in attributes if name.startswith("on")]


def test_the_policy_admits_the_scripts_of_the_page_and_no_other(page: Page) -> None:
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv")) or ""
    assert policy.startswith("default-src 'none'")
    admitted = re.findall(r"'sha256-([^']+)'", policy)
    running = page.scripts[1:]  # the first holds data
    assert [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in running] == admitted
    assert len(running) == 2
    assert "Copyright (c)" in running[0]


def test_hostile_names_stay_text(tmp_path: Path, sick_verdict: Verdict) -> None:
    folder = tmp_path / "a<b>&'c"
    with RunWriter(folder) as writer:
        for index in (Index.PARAMETER, Index.LAYER, Index.GROUP):
            writer.name(index, [HOSTILE])
        model = facts.Model(type=HOSTILE, layers=(facts.Layer(path=HOSTILE, type=HOSTILE),))
        for fact in (model, facts.Recipe(text=HOSTILE), facts.Event(step=0, what=HOSTILE)):
            writer.state(fact)
        for step in range(20):
            writer.add(signals.LOSS, step, 1.0)
            for signal in (signals.DEAD_UNITS, signals.UPDATE_RATIO, signals.LEARNING_RATE):
                writer.add(signal, step, [0.5])
            writer.add(signals.ACTIVATION_MIN, step, [0.0])
            writer.add(signals.ACTIVATION_MAX, step, [1.0])
            writer.add(signals.ACTIVATION_HISTOGRAM, step, np.ones((1, 32)))
    hostile = replace(sick_verdict.findings[0], summary=HOSTILE, advice=HOSTILE, where=Where(module=HOSTILE))
    verdict = replace(sick_verdict, findings=(hostile,), not_evaluated={HOSTILE: HOSTILE}, clear=(HOSTILE,))
    with Run.open(folder) as run:
        page = Page(render_html(run, verdict))
    assert len(page.scripts) == 3
    assert not [tag for tag, _ in page.tags if tag == "img"]
    charts = json.loads(page.scripts[0])["charts"]
    assert charts["0-ratio"]["blocks"][0]["lines"][0]["name"] == HOSTILE
    assert "{{7*7}}" in page.text


def test_a_plot_that_lacks_its_signal_says_why(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for step in range(30):
            writer.add(signals.LOSS, step, 1 / (1 + step))
    with Run.open(tmp_path / "run") as run:
        page = Page(render_html(run, Verdict(kind="healthy")))
    for signal in (signals.LEARNING_RATE, signals.UPDATE_RATIO, signals.DEAD_UNITS, signals.ACTIVATION_HISTOGRAM):
        assert f"Not drawn: {signal.missing}." in page.text
    assert [a["data-chart"] for t, a in page.tags if t == "figure" and "data-chart" in a] == ["0-loss"]


def test_a_run_without_anything_still_gives_a_page(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run"), Run.open(tmp_path / "run") as run:
        text = Page(render_html(run, judge(run))).text
    assert "Not enough data for a verdict: no backward pass" in text


def test_each_training_of_a_run_has_its_chapter(tmp_path: Path, train: Callable[..., None]) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for stream in (0, 1):
            train(writer, sick=bool(stream), steps=120, stream=stream)
    with Run.open(tmp_path / "run") as run:
        page = Page(render_html(run, Verdict(kind="healthy")))
    assert "Training 1 of 2" in page.text
    charts = [a["data-chart"] for t, a in page.tags if "data-chart" in a]
    assert len(charts) == len(set(charts)) == 14


def test_a_long_run_of_a_deep_model_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with RunWriter(tmp_path / "run") as writer:
        writer.name(Index.PARAMETER, [f"blocks.{i}.attention.projection.weight" for i in range(80)])
        writer.name(Index.LAYER, [f"blocks.{i}.attention.projection" for i in range(80)])
        writer.name(Index.GROUP, ["0"])
        for step in range(12_000):
            writer.add(signals.LOSS, step, rng.lognormal())
            writer.add(signals.LEARNING_RATE, step, [rng.lognormal()])
            writer.add(signals.ACCURACY, step, rng.uniform())
        for step in range(0, 12_000, 10):
            for signal in (
                signals.UPDATE_RATIO,
                signals.GRADIENT_NORM,
                signals.DEAD_UNITS,
                signals.ACTIVATION_SATURATED,
            ):
                writer.add(signal, step, rng.uniform(0, 1, 80))
            if step % 100 == 0:
                writer.add(signals.ACTIVATION_MIN, step, rng.uniform(-2, -1, 80))
                writer.add(signals.ACTIVATION_MAX, step, rng.uniform(1, 2, 80))
                writer.add(signals.ACTIVATION_HISTOGRAM, step, rng.integers(0, 99, (80, 32)))
        writer.array("filters", 0, rng.normal(size=(96, 3, 11, 11)))
    with Run.open(tmp_path / "run") as run:
        path = write_html(run, Verdict(kind="healthy"), tmp_path / "report.html")
    assert path.stat().st_size < 1_500_000


def test_an_experiment_is_reported(sick: Run, sick_verdict: Verdict) -> None:
    tried = Confirmation(remedy="with the rate × 0.1", metric="loss", before=2.3, after=0.4, start=2.3, steps=200)
    verdict = replace(sick_verdict, findings=(replace(sick_verdict.findings[0], confirmed=tried),))
    assert "with the rate × 0.1 the loss falls to 0.4 in 200 steps" in Page(render_html(sick, verdict)).text


def test_folders_are_made_and_an_earlier_report_is_replaced(sick: Run, sick_verdict: Verdict, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "report.html"
    assert write_html(sick, sick_verdict, str(path)) == path
    first = path.read_bytes()
    write_html(sick, sick_verdict, path)
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_a_folder_in_place_of_a_file_is_refused(sick: Run, sick_verdict: Verdict, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"path=.* is a folder; give the name of a file"):
        write_html(sick, sick_verdict, tmp_path)


def test_a_path_that_cannot_be_written_is_one_clear_message(sick: Run, sick_verdict: Verdict, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunWriteError, match=r"path=.*report\.html.*cannot be written \(.+\); give a path"):
        write_html(sick, sick_verdict, tmp_path / "file" / "report.html")


def test_a_full_disk_leaves_no_half_page(
    sick: Run, sick_verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_html(sick, sick_verdict, tmp_path / "report.html")
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunWriteError, match="No space left on device"):
        write_html(sick, sick_verdict, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_what_may_be_missing_is_said_under_the_verdict(healthy: Run, healthy_verdict: Verdict) -> None:
    said = "Two seconds of it may be missing."
    text = Page(render_html(healthy, replace(healthy_verdict, gaps=(said,)))).text
    assert text.index(said) < text.index("checks found nothing")


def test_hundreds_of_trainings_make_a_page_that_can_be_opened(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream in range(100):
            writer.add_series(signals.LOSS, range(20), np.linspace(2.0, 1.0, 20), stream=stream)
    with Run.open(tmp_path) as run:
        text = render_html(run, Verdict(kind="healthy"))
    assert text.count('class="chart"') == 25, "every fourth"
    assert "25 of 100 trainings are drawn, evenly spread over the run." in Page(text).text
