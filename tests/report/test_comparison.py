import re
from dataclasses import replace
from pathlib import Path

import pytest

from unstuck.errors import RunWriteError
from unstuck.record.comparison import Chart, Comparison, Strand
from unstuck.report import write_comparison
from unstuck.report.comparison import picture, render_comparison

HIGH = Strand(name="<high>", x=(0.0, 1.0, 2.0), y=(2.0, 1.0, 1.0))
GOOD = Strand(name="good", x=(0.0, 1.0, 2.0), y=(2.0, 0.1, 0.01))
BURST = Strand(name="burst", x=(0.0, 1.0, 2.0), y=(2.0, float("inf"), float("nan")))


def chart(*strands: Strand, log: bool = True) -> Chart:
    return Chart(title="Loss", across="epoch", up="loss", strands=strands, log=log)


def test_all_lines_share_one_pair_of_axes() -> None:
    high, good = picture(chart(HIGH, GOOD)).paths
    assert high.dots[0] == good.dots[0]
    assert [x for x, _ in high.dots] == [x for x, _ in good.dots]
    falls = [good.dots[k + 1][1] - good.dots[k][1] for k in range(2)]
    assert falls[1] == pytest.approx(falls[0] / 1.301, rel=0.02)  # factors of 20 and 10, and the page counts down
    assert high.dots[1][1] == high.dots[2][1]


def test_what_is_not_finite_or_not_on_the_axis_is_left_out() -> None:
    drawn = picture(chart(GOOD, BURST)).paths
    assert [len(path.dots) for path in drawn] == [3, 1]
    zero = Strand(name="zero", x=(0.0, 1.0), y=(0.0, 1.0))
    assert len(picture(chart(zero)).paths[0].dots) == 1
    assert len(picture(chart(zero, log=False)).paths[0].dots) == 2


def test_a_burst_ends_at_the_upper_edge_and_is_said() -> None:
    burst = Strand(name="burst", x=(0.0, 1.0, 2.0), y=(2.0, 500.0, 1.0))
    shown = picture(replace(chart(GOOD, burst, log=False), top=3.0))
    alone = picture(chart(GOOD, log=False))
    assert shown.paths[1].dots[1][1] == shown.top + 6
    assert shown.beyond == "burst (to 500)"
    assert alone.beyond == ""
    assert shown.paths[0].dots[0][1] > shown.paths[1].dots[1][1]


def test_a_level_lies_on_the_axis_and_has_its_name() -> None:
    level = replace(chart(GOOD, log=False), level=2.0, level_name="a guess: 2")
    shown = picture(level)
    assert shown.level == shown.paths[0].dots[0][1]
    page = render_comparison(Comparison(title="Rates", columns=("",), rows=(("good",),), charts=(level,)))
    assert "a guess: 2" in page
    assert picture(chart(GOOD)).level is None


def test_decades_across_are_as_wide_as_each_other() -> None:
    steps = Strand(name="steps", x=(0.0, 1.0, 10.0, 100.0), y=(4.0, 3.0, 2.0, 1.0))
    shown = picture(replace(chart(steps), log_across=True))
    xs = [x for x, _ in shown.paths[0].dots]
    assert len(xs) == 3
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])
    assert [tick.text for tick in shown.across] == ["1e0", "1e1", "1e2"]


def test_the_first_picture_is_as_wide_as_the_page_and_letters_are_of_one_size() -> None:
    page = render_comparison(Comparison(title="", columns=("",), rows=(), charts=(chart(GOOD), chart(GOOD))))
    assert [int(width) for width in re.findall(r'viewBox="0 0 (\d+) ', page)] == [1040, 520]


def test_more_lines_than_colours_are_dashed() -> None:
    paths = picture(chart(*[HIGH] * 9)).paths
    assert (paths[0].number, paths[0].dashed) == (0, False)
    assert (paths[8].number, paths[8].dashed) == (0, True)


def test_what_others_are_compared_with_is_dashed_and_lies_above_them() -> None:
    shown = chart(replace(HIGH, reference=True), GOOD)
    page = render_comparison(Comparison(title="Rates", columns=("",), rows=(("good",),), charts=(shown,)))
    lines = re.findall(r'<g class="(s\d(?: reference)?)">\s*<title>', page)
    assert lines == ["s1", "s0 reference"]
    assert '<li class="s0 reference">&lt;high&gt;</li>' in page
    assert picture(shown).paths[0].dashed


@pytest.mark.parametrize("strands", [(), (Strand(name="none", x=(), y=()),), (BURST,)])
def test_nothing_to_draw_is_no_error(strands: tuple[Strand, ...]) -> None:
    assert len(picture(chart(*strands)).paths) == len(strands)


def test_the_page_shows_charts_and_figures_escapes_names_and_runs_no_script(tmp_path: Path) -> None:
    rows = (("<high>", "1.0"), ("good", "0.01"))
    shown = Comparison(title="Rates", columns=("", "loss"), rows=rows, charts=(chart(HIGH, GOOD), chart(GOOD)))
    page = render_comparison(shown)
    assert page.count("<svg") == 2
    assert page.count("<polyline") == 3
    assert "&lt;high&gt;" in page
    assert "<high>" not in page
    assert "<script" not in page
    assert "<td>0.01</td>" in page
    assert write_comparison(shown, tmp_path / "c.html").read_text(encoding="utf-8") == page


def test_a_page_that_cannot_be_written_is_said() -> None:
    with pytest.raises(RunWriteError, match="cannot be written"):
        write_comparison(Comparison(title="t", columns=(), rows=(), charts=()), Path("/proc/no/page.html"))
