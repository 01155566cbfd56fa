from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from unstuck.remedies.loops import going_through

SCRIPT = """
import helper

def numbers():
    for i in range(2):
        for j in "ab":
            yield i, j
    else:
        yield "end"

found = list(numbers()) + helper.found + [k for k in range(2)]
"""


def run(path: Path) -> dict:
    names: dict = {"__name__": "script"}
    exec(SourceFileLoader("script", str(path)).get_code("script"), names)
    return names


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper.py").write_text("found = []\nfor i in range(2):\n    found.append(i)\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    yield tmp_path / "script.py"
    sys.modules.pop("helper", None)


def test_statements_go_through_what_is_given_and_comprehensions_do_not(script):
    with going_through(lambda items: [*items, *items]):
        found = run(script)["found"]
    assert found == [(i, j) for i in (0, 1, 0, 1) for j in "abab"] + ["end", 0, 1, 0, 1, 0, 1]


def test_modules_that_were_compiled_before_are_compiled_anew_and_behind_it_as_they_were(script):
    assert len(run(script)["found"]) == 4 + 1 + 2 + 2
    sys.modules.pop("helper")
    with going_through(lambda items: [*items, *items]):
        assert len(run(script)["found"]) == 16 + 1 + 4 + 2
    sys.modules.pop("helper")
    assert len(run(script)["found"]) == 4 + 1 + 2 + 2


def test_files_and_lines_stay(script):
    before = script.read_text()
    with going_through(lambda items: 1 / 0), pytest.raises(ZeroDivisionError) as raised:
        run(script)
    assert script.read_text() == before
    assert ("helper.py", 2) in [(Path(str(entry.path)).name, entry.lineno + 1) for entry in raised.traceback]


def test_installed_packages_are_no_part_of_the_program(tmp_path):
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "own.py").write_text("found = []\nfor i in range(2):\n    found.append(i)\n")
    with going_through(lambda items: []):
        assert run(package / "own.py")["found"] == [0, 1]
