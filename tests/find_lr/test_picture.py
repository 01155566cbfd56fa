import xml.etree.ElementTree as ET
from pathlib import Path

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.picture import comparison_of, write_pictures
from unstuck.find_lr.search import Effort, search


def test_page_and_picture_show_the_rate_and_need_nothing_else(tmp_path: Path) -> None:
    page, picture = write_pictures(search(Bowl(), Effort()), tmp_path / "new")
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert text.count('class="mark"') == 3
    assert "<script" not in text
    assert "https://" not in text
    root = ET.fromstring(picture.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    assert "after 144 updates" in "".join(root.itertext())


def test_the_mark_lies_a_little_below_a_rate_of_the_longest_trainings() -> None:
    found = search(Bowl(), Effort())
    chart = comparison_of(found).charts[0]
    quarter = 10.0**0.05  # of a step of the grid, by which the top of a parabola may lie beside a rate
    assert chart.mark == found.rate
    assert any(0.8 / quarter < (found.rate or 0.0) / rate < 0.8 * quarter for rate in chart.strands[-1].x)


def test_where_no_rate_is_of_use_there_is_a_page_without_a_mark(tmp_path: Path) -> None:
    page, picture = write_pictures(search(Deaf(), Effort()), tmp_path)
    assert 'class="mark"' not in page.read_text(encoding="utf-8")
    ET.fromstring(picture.read_text(encoding="utf-8"))
