"""The figures of a zoo of a few answers that can be counted by hand."""

from __future__ import annotations

import pytest

from tests.zoo import tables
from tests.zoo.answers import Answer, Said
from tests.zoo.cases import Case

SICK = Case("lr-too-high/a.patch", "blind-1", frozenset({"optimizer-unsuited"}))
OTHER = Case("lr-too-low/b.patch", "blind-2")
HEALTHY = Case("lr-too-low/b.py", "blind-2")


def said(cause: str, confidence: float, severity: str = "error") -> Said:
    return Said("X999", cause, severity, confidence)


ANSWERS = [
    Answer(SICK, 0, "findings", (said("optimizer-unsuited", 0.9),)),
    Answer(SICK, 1, "findings", (said("loss-wrong", 0.5), said("lr-too-high", 0.8))),
    Answer(OTHER, 0, "healthy", (said("lr-too-low", 0.5, "note"),)),
    Answer(OTHER, 1, "not learnt"),
    Answer(HEALTHY, 0, "findings", (said("loss-wrong", 1.0, "warning"),)),
    Answer(HEALTHY, 1, "healthy", (said("loss-wrong", 0.6, "note"),)),
]


def cells(table: str, name: str) -> list[str]:
    return next(line.split()[1:] for line in table.splitlines() if line.startswith(name))


def test_each_cause_has_its_sick_scripts_and_the_healthy_ones_on_which_it_was_alleged() -> None:
    table = tables.by_cause(ANSWERS)
    assert "not learnt" in table.splitlines()[0]
    assert cells(table, "lr-too-high") == ["2", "1", "2", ".", ".", "."]
    assert cells(table, "lr-too-low") == ["2", "1", "1", "1", "1", "."]
    assert cells(table, "loss-wrong") == [".", ".", ".", ".", ".", "1"]
    assert cells(table, "all") == ["4", "2", "3", "1", "1", "1"]


def test_each_origin_has_a_row_and_all_have_one() -> None:
    table = tables.by_origin(ANSWERS)
    assert cells(table, "blind-1") == ["2", "1", "2", ".", ".", "|", ".", ".", "."]
    assert cells(table, "all") == ["4", "2", "3", "1", "1", "|", "2", "1", "."]


def test_columns_are_made_for_the_kinds_that_come() -> None:
    assert "cannot be told" in tables.by_origin([Answer(HEALTHY, 0, "cannot be told")])
    assert "cannot be told" not in tables.by_origin(ANSWERS)


def test_a_green_tick_on_a_sick_script_is_counted_also_where_a_note_is_right() -> None:
    assert "FALSE GREEN               1 of 4 = 25.0%" in tables.summary(ANSWERS)
    assert "false alarms              1 of 2 = 50.0%" in tables.summary(ANSWERS)


def test_confidences_are_compared_with_what_was_right() -> None:
    table = tables.reliability(ANSWERS)
    assert cells(table, "0.50 to 0.60") == ["to", "0.60", "1", "0.50", "0.00"]
    assert cells(table, "0.80 to 0.90") == ["to", "0.90", "1", "0.80", "1.00"]
    assert cells(table, "0.90 to 0.95") == ["to", "0.95", "1", "0.90", "1.00"]
    assert cells(table, "0.95 to 1.00") == ["to", "1.00", "1", "1.00", "0.00"]
    assert f"{(0.1**2 + 0.5**2 + 0.2**2 + 1) / 4:.3f} of 4 findings" in table


def test_brier_score_of_an_oracle_and_of_a_coin() -> None:
    assert tables.brier([(1.0, True), (0.0, False)]) == 0.0
    assert tables.brier([(0.5, True), (0.5, False)]) == pytest.approx(0.25)


def test_nothing_found_is_no_reliability() -> None:
    assert tables.reliability([Answer(HEALTHY, 0, "healthy")]) == "no findings"
