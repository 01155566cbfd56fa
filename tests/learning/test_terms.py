"""Losses that are added up, each against its own guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.learning.outcome import Outcome, of_loss
from unstuck.learning.terms import joined, of_terms
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import LateLoss, Loss, LossClasses
from unstuck.testing.rules import record

CLASSES = LossClasses(number=2, counts=(5_000, 5_000))


def call(line: int, value: float, *, reduction: str = "mean", function: str = "cross_entropy") -> Loss:
    late = LateLoss(value=value, error=0.01, samples=50.0)
    return Loss(function=function, reduction=reduction, classes=CLASSES, late=late, line=line)


def test_each_place_is_compared_with_its_own_guess(tmp_path: Path) -> None:
    with record(
        tmp_path, facts=[call(3, 0.1), call(4, 0.68), call(5, 0.4), call(6, 0.1, function="huber_loss")]
    ) as run:
        found = of_terms(run, last=99)
    assert [(one.value, one.says, one.step) for one in found] == [
        (0.1, "good", 99),
        (0.68, "none", 99),
        (0.4, "partial", 99),
    ]


def test_losses_of_single_elements_are_weighed_by_the_program(tmp_path: Path) -> None:
    with record(tmp_path, facts=[call(3, 0.1, reduction="none")]) as run:
        assert of_terms(run, last=99) == ()


def test_in_a_game_targets_are_what_another_training_makes(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream in range(2):
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
            writer.state(call(3, 0.1), stream=stream)
    with Run.open(tmp_path) as run:
        assert of_terms(run, last=0) == ()


@pytest.mark.parametrize(
    ("says", "falls", "together"),
    [
        (["good", "good"], True, "good"),
        (["good", "none"], True, "partial"),
        (["partial", "good"], True, "partial"),
        (["none", "none"], False, "none"),
        (["none"], True, "unknown"),  # what is not known falls
        (["unknown", "good"], True, "good"),
        ([], False, "unknown"),
    ],
)
def test_together(says: list[Outcome], falls: bool, together: Outcome) -> None:
    ends = {"good": (0.1, 0.01), "partial": (0.5, 0.01), "none": (1.0, 0.01), "unknown": (0.5, 1.0)}
    terms = [of_loss("loss term", ends[one][0], reference=1.0, floor=0.0, error=ends[one][1], step=0) for one in says]
    assert [one.says for one in terms] == says
    assert joined(terms, falls=falls) == together
