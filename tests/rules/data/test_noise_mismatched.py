from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AddedNoise
from unstuck.rules.data.noise_mismatched import NoiseMismatched
from unstuck.testing.rules import RuleContract, outcome, record

ADDED: dict[str, Any] = {"in_input": 0.5, "in_target": 0.0, "varied": True, "told": 90.0, "single": True, "line": 4}
ASKED: dict[str, Any] = {"in_input": 0.0, "in_target": -0.5, "line": 8}


def run_of(folder: Path, *draws: dict[str, Any], examples: int = 1_000, together: float = 0.6) -> Run:
    usual: dict[str, Any] = {"examples": examples, "values": 2, "together": together, "file": "train.py"}
    return record(folder, series={signals.LOSS: [2.0] * 50}, facts=[AddedNoise(**{**usual, **draw}) for draw in draws])


class TestContract(RuleContract):
    rule = NoiseMismatched()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", ADDED, ASKED)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", {**ADDED, "in_target": 1.0})


def test_noise_of_the_target_that_the_input_does_not_hold(tmp_path: Path) -> None:
    (finding,) = outcome(NoiseMismatched(), run_of(tmp_path, ADDED, ASKED))
    assert (finding.cause, finding.where.line) == ("labels-mismatched", 8)


def test_a_target_of_nothing_but_other_noise(tmp_path: Path) -> None:
    assert outcome(NoiseMismatched(), run_of(tmp_path, ADDED, {**ASKED, "in_target": 1.0}, together=0.0))


@pytest.mark.parametrize(
    ("known", "cause"),
    [
        ({"in_target": 1.0, "told": 1.0}, "labels-mismatched"),
        ({"in_target": 1.0, "told": 0.0, "same": True}, "data-constant"),
        ({"told": 1.0}, "labels-mismatched"),
    ],
    ids=["other times", "one time", "the data are asked for"],
)
def test_a_level_that_the_model_is_not_told(tmp_path: Path, known: dict[str, Any], cause: str) -> None:
    (finding,) = outcome(NoiseMismatched(), run_of(tmp_path, {**ADDED, **known}))
    assert finding.cause == cause


@pytest.mark.parametrize(
    "draws",
    [
        (ADDED, {**ASKED, "in_target": 0.5}),  # pairs of noisy examples
        (ADDED, {**ASKED, "in_input": 0.5}),
        ({**ADDED, "in_target": 0.5}, ASKED),
        ({**ADDED, "in_target": 1.0, "told": None},),
        ({**ADDED, "in_target": 1.0, "told": 1.0, "varied": False},),
        ({**ADDED, "told": 1.0, "single": False},),
        (ADDED, {**ASKED, "values": 5}),
        (ASKED,),
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, draws: tuple[dict[str, Any], ...]) -> None:
    assert not outcome(NoiseMismatched(), run_of(tmp_path, *draws))


def test_few_examples_say_nothing(tmp_path: Path) -> None:
    assert not outcome(NoiseMismatched(), run_of(tmp_path, ADDED, ASKED, examples=100))


@pytest.mark.parametrize(
    ("known", "causes"),
    [
        ({"told": 90.0}, ["wrong-axis"]),
        ({"told": 8.1}, ["wrong-axis"]),
        ({"told": 7.9}, []),
        ({"told": 0.5}, []),
        ({"told": 90.0, "varied": False}, []),
    ],
)
def test_levels_of_examples_that_run_along_the_values(tmp_path: Path, known: dict[str, Any], causes: list[str]) -> None:
    drawn = {**ADDED, "in_target": 1.0, "along": True, **known}
    assert [finding.cause for finding in outcome(NoiseMismatched(), run_of(tmp_path, drawn))] == causes
