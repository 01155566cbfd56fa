from dataclasses import replace

from rich.console import Console

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.search import Effort, search
from unstuck.find_lr.text import FoundText, agreement, headline, rows

FOUND = search(Bowl(), Effort(), notes=("the schedule has no say",))


def printed(found) -> str:
    console = Console(width=200, record=True)
    with console.capture() as capture:
        console.print(FoundText(found))
    return capture.get()


def test_the_answer_comes_first_and_every_method_and_try_is_shown() -> None:
    text = printed(FOUND)
    assert text.startswith("Suggested rate for SGD: 0.")
    assert "The three methods agree: all in this band" in text
    assert sum("  try " in line for line in text.splitlines()) == len(FOUND.course.tries)
    assert "note: the schedule has no say" in text
    assert "In use: 0.01" in text


def test_methods_that_do_not_agree_say_so() -> None:
    apart = replace(FOUND, course=replace(FOUND.course, threshold=1e-5))
    assert agreement(apart).startswith("The methods do not agree: the farthest is")
    silent = replace(FOUND, course=replace(FOUND.course, threshold=None))
    assert agreement(silent).startswith("The methods do not agree: the way of the course found none")


def test_the_rate_in_use_is_compared_with_the_band() -> None:
    low, high = FOUND.band or (0.0, 0.0)
    assert "within this band" in printed(replace(FOUND, in_use=(low * high) ** 0.5))
    assert "10 times too high" in printed(replace(FOUND, in_use=10.0 * high))
    assert "10 times too low" in printed(replace(FOUND, in_use=low / 10.0))


def test_no_usable_rate_is_the_headline() -> None:
    none = search(Deaf(), Effort())
    assert headline(none).startswith("No usable rate: at no rate")
    assert agreement(none) == "All three methods agree."
    assert "none" in {rate for _, rate, _ in rows(none)}
