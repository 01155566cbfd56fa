from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from unstuck.errors import ArgumentError, RunWriteError
from unstuck.report.page import Script, static, write_page


def test_a_script_is_admitted_by_its_own_hash() -> None:
    script = Script.of("alert(1)")
    assert base64.b64decode(script.digest) == hashlib.sha256(b"alert(1)").digest()


def test_static_files_are_found_by_package() -> None:
    assert "--paper" in static("report.css")


def test_a_page_replaces_an_earlier_one_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    write_page(path, "one", what="picture")
    assert write_page(path, "two \udcff", what="picture") == path
    assert path.read_text() == "two ?"
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunWriteError, match="the picture cannot be written"):
        write_page(tmp_path / "file" / "page.html", "", what="picture")
    with pytest.raises(ArgumentError, match="is a folder"):
        write_page(tmp_path, "", what="picture")
