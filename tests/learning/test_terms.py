"""Losses that are added up, each against its own guess."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unstuck.learning.outcome import Outcome, of_loss
from unstuck.learning.terms import heads_unlearnt, joined, of_terms
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import CustomFunction, Fact, Graph, LateLoss, Loss, LossClasses, LossOutput
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


def head(line: int, value: float, layer: str, *, error: float = 0.01) -> Loss:
    own = call(line, value)
    return replace(own, output=LossOutput(layer=layer), late=LateLoss(value=value, error=error, samples=50.0))


def unlearnt(folder: Path, *stated: Fact) -> list[str]:
    with record(folder, facts=stated) as run:
        return [term.layer for term in heads_unlearnt(run, of_terms(run, last=99))]


GOOD = head(3, 0.05, "first")


def test_a_head_that_learns_nothing_beside_one_that_does_is_named(tmp_path: Path) -> None:
    assert unlearnt(tmp_path / "a", GOOD, head(4, 0.69, "second")) == ["second"]
    assert unlearnt(tmp_path / "b", GOOD, head(4, 0.4, "second")) == []
    assert unlearnt(tmp_path / "c", head(3, 0.69, "first"), head(4, 0.69, "second")) == []


def test_a_head_is_unlearnt_only_if_all_its_losses_are_and_a_fifth_can_be_excluded(tmp_path: Path) -> None:
    assert unlearnt(tmp_path / "a", GOOD, head(4, 0.69, "second"), head(5, 0.3, "second")) == []
    assert unlearnt(tmp_path / "b", GOOD, head(4, 0.69, "second", error=0.09)) == []
    assert unlearnt(tmp_path / "c", GOOD, head(4, 0.69, "second", error=0.07)) == ["second"]
    assert unlearnt(tmp_path / "d", GOOD, head(4, 0.69, "")) == []


@pytest.mark.parametrize(("identity", "named"), [(True, []), (False, ["second"])])
def test_a_head_whose_gradient_is_reversed_is_meant_to_fail(tmp_path: Path, identity: bool, named: list[str]) -> None:
    graph = Graph(step=0, custom_functions=(CustomFunction(name="Reverse", identity=identity),))
    assert unlearnt(tmp_path, graph, GOOD, head(4, 0.69, "second")) == named


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
