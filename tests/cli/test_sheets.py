"""What races and lessons print, and the files that they leave."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from unstuck.cli.sheets import print_course, print_race, print_surfaces, write
from unstuck.errors import ArgumentError, RunWriteError
from unstuck.surfaces import SURFACES, Entry, race
from unstuck.surfaces.course import COURSE, RECIPES, lesson
from unstuck.surfaces.entry import RACING
from unstuck.surfaces.page import Sheet, sheet_of


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def tracks():
    return race(SURFACES["bowl"], [Entry.parse("sgd lr=0.02"), Entry.parse("momentum")], steps=20)


@pytest.fixture
def sheet(tracks) -> Sheet:
    return sheet_of(tracks, title="Two methods", text="", made_of="", command="unstuck race")


def test_a_sheet_is_a_page_and_a_picture_whose_paths_are_printed(console, sheet, tmp_path):
    write(console, sheet, tmp_path / "pictures", "two")
    page, picture = tmp_path / "pictures" / "two.html", tmp_path / "pictures" / "two.svg"
    assert printed(console) == f"Page:       {page}\nPicture:    {picture}\n"
    assert "Two methods" in page.read_text()
    assert picture.read_text().lstrip().startswith("<svg")
    assert not (tmp_path / "pictures" / "two.gif").exists()


def test_an_animation_is_written_where_it_is_asked_for(console, sheet, tmp_path):
    pytest.importorskip("PIL")
    write(console, sheet, tmp_path, "two", gif=True)
    assert (tmp_path / "two.gif").read_bytes().startswith(b"GIF8")
    assert printed(console).endswith(f"Animation:  {tmp_path / 'two.gif'}\n")


def test_what_cannot_be_written_or_does_not_move_is_refused(console, sheet, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunWriteError):
        write(console, sheet, tmp_path / "file", "two")
    still = next(one for one in (lesson(name).sheet() for name in COURSE) if not one.ways)
    with pytest.raises(ArgumentError):
        write(console, still, tmp_path, "still", gif=True)


def test_of_a_race_each_method_has_a_row_with_its_loss(console, tracks):
    print_race(console, tracks)
    rows = printed(console).splitlines()
    assert rows[0].split() == ["method", "in", "the", "end", "loss", "gradient", "norm"]
    assert len(rows) == 1 + len(tracks)
    for row, track in zip(rows[1:], tracks, strict=True):
        assert row.strip().startswith(track.entry.text)
        assert f"{track.losses[track.last]:.4g}" in row
        assert ("(the best rate tried)" in row) == track.found


def test_what_there_is_to_race_on_and_to_show_is_listed(console):
    print_surfaces(console)
    print_course(console)
    listed = printed(console)
    for name in (*SURFACES, *RACING, *COURSE, *RECIPES):
        assert f"  {name}  " in listed
    assert "unstuck race rosenbrock" in listed
