"""Calibration of findings whose probability of being right is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo.answers import Answer, Said
from tests.zoo.calibration import METHODS, Claim, calibration, claims, cross_validated, suggestions
from tests.zoo.cases import Case

ORIGINS = ("held-out", "blind-1", "blind-2", "blind-3")


def drawn(code: str, stated: float, true: float, count: int = 100) -> list[Claim]:
    """Findings of a rule that states one confidence and is right with another, the same share in each origin."""
    return [Claim(code, stated, place < round(true * count), origin) for origin in ORIGINS for place in range(count)]


@pytest.mark.parametrize("method", ["isotonic", "Platt", "Platt by rule"])
def test_confidences_that_are_too_high_are_mapped_to_what_was_right(method: str) -> None:
    some = drawn("O201", 0.9, 0.6) + drawn("O202", 0.6, 0.2)
    predicted = cross_validated(some, method)
    assert predicted[0] == pytest.approx(0.6, abs=0.02)
    assert predicted[-1] == pytest.approx(0.2, abs=0.02)


def test_only_a_model_by_rule_tells_rules_apart_that_state_the_same() -> None:
    some = drawn("O201", 0.8, 0.9) + drawn("O202", 0.8, 0.5)
    assert cross_validated(some, "isotonic")[0] == pytest.approx(0.7, abs=0.01)
    assert cross_validated(some, "Platt by rule")[0] == pytest.approx(0.9, abs=0.03)
    assert cross_validated(some, "Platt by rule")[-1] == pytest.approx(0.5, abs=0.03)


def test_an_origin_is_predicted_without_its_own_findings() -> None:
    some = drawn("O201", 0.8, 0.5)
    strange = [claim._replace(right=claim.origin == "held-out") for claim in some]
    by_origin = dict(zip([claim.origin for claim in strange], cross_validated(strange, "as typed"), strict=True))
    assert set(by_origin.values()) == {0.8}
    kept = [claim for claim in some if claim.origin != "held-out"]
    every_one_right = [claim._replace(right=True) for claim in some if claim.origin == "held-out"]
    predicted = cross_validated(every_one_right + kept, "isotonic")
    assert np.allclose(predicted[: len(every_one_right)], 0.5, atol=0.01)


def test_few_findings_of_a_rule_are_drawn_towards_all() -> None:
    some = [*drawn("O201", 0.8, 0.8), Claim("O202", 0.8, False, "blind-1")]
    (_, _, _, _, often), (_, count, share, typed, once) = suggestions(some)
    assert (count, share, typed) == (1, 0.0, pytest.approx(0.8))
    assert 0.4 < once < often


def test_levels_of_a_rule_are_listed_each() -> None:
    some = drawn("O201", 0.5, 0.5) + drawn("O201", 0.9, 0.9)
    assert [(code, round(typed, 2)) for code, _, _, typed, _ in suggestions(some)] == [("O201", 0.5), ("O201", 0.9)]


def test_the_report_marks_what_is_typed_too_high_and_compares_the_methods() -> None:
    answers = [
        Answer(Case(f"{cause}/a.patch", origin), 0, "findings", (Said("O201", "lr-too-high", "error", 0.95),))
        for origin in ORIGINS
        for cause in ("lr-too-high", "lr-too-low")
        for _ in range(20)
    ]
    assert len(claims(answers)) == 160
    text = calibration(answers)
    assert all(method in text for method in METHODS)
    assert "too sure" in next(line for line in text.splitlines() if line.startswith("O201"))


def test_one_origin_with_both_right_and_wrong_findings_is_too_few() -> None:
    assert "several origins" in calibration([])
    answers = [
        Answer(Case(f"{cause}/a.patch", "blind-1"), 0, "findings", (Said("O201", "lr-too-high", "error", 0.95),))
        for cause in ("lr-too-high", "lr-too-low")
    ]
    assert "several origins" in calibration(answers)
