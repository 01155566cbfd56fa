from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from unstuck.errors import ArgumentError
from unstuck.record import Finding, Run, signals
from unstuck.rules import RULES, Rule
from unstuck.rules.explain import HEADINGS, explain, page


def test_a_page_has_all_parts() -> None:
    (found,) = explain("O201")
    assert found.summary == "Each step overshoots: the loss climbs, or stays high while the weights are thrown about."
    assert tuple(found.sections) == HEADINGS
    assert found.sections["Try"].startswith("Divide the rate by ten")
    assert "G101" in found.explains
    assert found.needs == ("loss",)
    assert "fewer than 5 finite losses were recorded" in found.gates
    thresholds = {threshold.name: threshold for threshold in found.thresholds}
    assert thresholds["large_ratio"].value == 0.03
    assert "CS231n" in thresholds["large_ratio"].source


def test_a_cause_finds_the_rules_that_name_it_first() -> None:
    assert [found.code for found in explain("lr-too-high")] == ["G101", "O201", "L706", "L801"]
    assert [found.code for found in explain(" Data-Non-Finite ")] == ["D102"]


@pytest.mark.parametrize(
    ("topic", "hint"),
    [("O210", "O201"), ("lr-to-high", "lr-too-high"), ("overfiting", "overfitting"), ("???", "one of")],
)
def test_an_unknown_topic_names_the_nearest(topic: str, hint: str) -> None:
    with pytest.raises(ArgumentError, match=hint):
        explain(topic)


def test_a_cause_without_a_rule_says_so() -> None:
    with pytest.raises(ArgumentError, match=r"split-leak \(validation examples .* no rule"):
        explain("split-leak", rules=RULES[:1])


def test_thresholds_may_be_documented_above() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Above(Rule):
        """S.

        Detects: nothing.
        """

        code, name, cause, needs = "O999", "n", "lr-too-high", (signals.LOSS,)

        #: measured on
        #: a hundred runs
        bound: float = 1.0

        def check(self, run: Run) -> Iterator[Finding]:
            return iter(())

    with pytest.raises(ArgumentError, match="Above: its docstring lacks Detects, Why it matters"):
        page(Above())
    Above.__doc__ = "S.\n\n" + "\n\n".join(f"{heading}:\n    Text." for heading in HEADINGS)
    assert page(Above()).thresholds[0].source == "measured on a hundred runs"
