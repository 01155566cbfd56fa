from __future__ import annotations

import re
from pathlib import Path

import unstuck.report
from unstuck.report.wording import EN, ENGLISH

PACKAGE = Path(unstuck.report.__file__).parent
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for pattern in ("*.py", "templates/*.j2", "static/report.js")
    for path in PACKAGE.glob(pattern)
    if path.name != "wording.py"
)
COMPOSED = re.compile(r"^(severity|confidence|fact|filters|evidence|loss|gradient|ratio|dead|saturated|rate)\.")


def test_every_sentence_is_used() -> None:
    """Keys that are put together from parts count as used where their first part is."""
    unused = [key for key in EN if f'"{key}"' not in SOURCES and not COMPOSED.match(key)]
    unused = [key for key in unused if f'"{key.rpartition(".")[0]}"' not in SOURCES and f"'{key}'" not in SOURCES]
    assert not unused


def test_every_sentence_that_is_said_exists() -> None:
    said = set(re.findall(r"""say\(\s*["']([a-z_.-]+)["']""", SOURCES))
    assert said
    assert not {key for key in said if key not in EN and not key.endswith(".")}


def test_a_sentence_takes_its_values() -> None:
    assert ENGLISH.say("loss.fell", first="2.3", last="0.1") == "The loss fell from 2.3 to 0.1"
    assert ENGLISH.count("fact.evaluations", 3) == "3 evaluations"
