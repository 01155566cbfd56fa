import itertools
from pathlib import Path

import pytest

from unstuck.errors import RunWriteError
from unstuck.record.checklist import Check, Checklist, Curve, Histogram
from unstuck.report import write_checks
from unstuck.report.checks import figure, render_checks

STEPS = tuple(10.0**-p for p in range(3, 10))
V_SHAPE = Curve(
    title="Error against step",
    across="step h",
    up="relative error",
    x=STEPS,
    y=(1e-6, 1e-8, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6),
    log_x=True,
    log_y=True,
    mark=1e-5,
)


def test_a_logarithmic_curve_keeps_its_shape() -> None:
    drawn = figure(V_SHAPE)
    heights = [y for _, y in drawn.dots]
    assert max(heights) == heights[2]  # the least error lies lowest, and the page counts from the top
    across = [x for x, _ in drawn.dots]
    gaps = [a - b for a, b in itertools.pairwise(across)]
    assert max(gaps) - min(gaps) < 0.3
    assert drawn.mark == across[2]
    assert [tick.text for tick in drawn.across] == [f"1e-{p}" for p in range(9, 2, -1)]


@pytest.mark.parametrize("values", [(), (0.0,), (float("nan"), float("inf")), (1.0, 1.0), (-3.0, 4.0)])
@pytest.mark.parametrize("log", [True, False])
def test_odd_values_do_not_break_a_figure(values: tuple[float, ...], log: bool) -> None:
    curve = Curve(title="t", across="x", up="y", x=tuple(range(1, len(values) + 1)), y=values, log_y=log, level=0.5)
    drawn = figure(curve)
    assert all(drawn.left <= x <= drawn.right for x, _ in drawn.dots)


def test_the_page_has_a_line_for_each_check_and_escapes_names() -> None:
    bad = Check(
        code="P109", name="gradients", status="failed", reason="<b>x</b>", advice="derive again", curves=(V_SHAPE,)
    )
    good = Check(code="P101", name="data", status="passed", reason="fine")
    page = render_checks(Checklist((good, bad), subject="a model", seconds=1.5))
    assert "1 check failed: gradients first." in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert page.count('<li class="check') == 2
    assert page.count("<svg") == 1
    assert "derive again" in page
    assert "<script" not in page


def test_distributions_by_layer_are_on_the_page_under_their_check() -> None:
    histograms = tuple(
        Histogram(of=of, name=f"<{of}>", low=-1.0, high=1.0, counts=(1, 2), below=0, above=0, zero=0.0, spread=0.5)
        for of in ("activations", "gradients")
    )
    flow = Check(code="P106", name="flow", status="passed", reason="fine", histograms=histograms)
    page = render_checks(Checklist((flow,)))
    assert page.count("<svg") == page.count('<path class="fill"') == 2
    assert "Distribution of the activations at the start" in page
    assert "&lt;gradients&gt;" in page


def test_a_page_that_cannot_be_written_is_said() -> None:
    with pytest.raises(RunWriteError, match="cannot be written"):
        write_checks(Checklist(()), Path("/proc/no/page.html"))
