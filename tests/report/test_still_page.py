from pathlib import Path

import pytest
from jinja2 import UndefinedError

from unstuck.errors import RunWriteError
from unstuck.record.comparison import Comparison
from unstuck.report.still_page import render_page, write_page


def test_names_are_escaped_and_styles_are_not() -> None:
    shown = Comparison(title="<b>", columns=(), rows=(), charts=())
    page = render_page("comparison.html.j2", comparison=shown, pictures=[])
    assert "<title>&lt;b&gt;</title>" in page
    assert "--sans: system-ui" in page


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render_page("comparison.html.j2", pictures=[])


def test_folders_are_made_and_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    assert write_page("x", tmp_path / "a" / "b.html").read_text() == "x"
    with pytest.raises(RunWriteError, match="choose another file"):
        write_page("x", Path("/proc/no/page.html"))
