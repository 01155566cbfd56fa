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


def test_more_lines_than_colours_are_dashed() -> None:
    paths = picture(chart(*[HIGH] * 9)).paths
    assert (paths[0].number, paths[0].dashed) == (0, False)
    assert (paths[8].number, paths[8].dashed) == (0, True)


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
