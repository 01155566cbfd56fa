from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from unstuck.cli.main import app
from unstuck.errors import ArgumentError, RunWriteError
from unstuck.surfaces.course import COURSE, RECIPES

runner = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_name_all_are_listed_with_a_line_each() -> None:
    listed = runner.invoke(app, ["show"]).output
    for name in (*COURSE, *RECIPES):
        assert f"  {name}  " in listed


@pytest.mark.parametrize("name", ["valley", "averages", "step-size"])
def test_a_lesson_is_a_page_a_picture_and_a_command(folder: Path, name: str) -> None:
    done = runner.invoke(app, ["show", name])
    assert done.exit_code == 0, done.output
    assert f"pictures/{name}.html" in done.output
    assert "Change it:" in done.output
    assert (folder / "pictures" / f"{name}.svg").is_file()
    assert (folder / "pictures" / f"{name}.html").stat().st_size > 20_000


def test_a_name_that_is_not_known_is_refused_with_the_nearest() -> None:
    assert "did you mean 'valley'" in str(runner.invoke(app, ["show", "valey"]).exception)
    assert isinstance(runner.invoke(app, ["show", "valey"]).exception, ArgumentError)


def test_a_folder_that_may_not_be_written_is_refused(folder: Path) -> None:
    (folder / "pictures").write_text("")
    assert isinstance(runner.invoke(app, ["show", "saddle"]).exception, RunWriteError)
