import re

from unstuck.record.checklist import Histogram
from unstuck.report.bars import BARS_HEIGHT, BARS_WIDTH, MOST, rows


def histogram(of: str = "activations", name: str = "0", counts: tuple[int, ...] = (1, 4, 2)) -> Histogram:
    return Histogram(of=of, name=name, low=-3.0, high=3.0, counts=counts, below=0, above=3, zero=0.25, spread=1.0)


def test_heights_follow_the_counts_and_the_fullest_bin_fills_the_picture() -> None:
    (row,) = rows([histogram()])
    (bars,) = row.bars
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", bars.outline)]
    heights = [BARS_HEIGHT - y for _, y in points]
    assert heights == [0, 16, 16, 64, 64, 32, 32, 0]
    assert points[-1][0] == BARS_WIDTH
    assert bars.note == "spread 1, 25% zero, 30% beyond"


def test_each_kind_has_a_row_of_its_own() -> None:
    titles = [row.title for row in rows([histogram(), histogram(name="1"), histogram("gradients", "0.weight")])]
    assert titles == ["Distribution of the activations at the start", "Distribution of the gradients at the start"]


def test_of_many_layers_some_at_equal_distances_are_drawn_with_the_first_and_the_last() -> None:
    (row,) = rows([histogram(name=str(i)) for i in range(100)])
    names = [int(bars.name) for bars in row.bars]
    assert len(set(names)) == MOST
    assert (names[0], names[-1]) == (0, 99)
    assert row.title.endswith(f"{MOST} of 100")


def test_an_empty_histogram_draws_nothing() -> None:
    assert rows([histogram(counts=(0, 0))])[0].bars[0].outline == ""
    assert rows([]) == ()
