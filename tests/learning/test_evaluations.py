from pathlib import Path

import pytest

from unstuck.learning.evaluations import Evaluations
from unstuck.record import Signal, signals
from unstuck.record.facts import Overlap, Shift
from unstuck.rules.engine import evaluate
from unstuck.rules.generalisation.overfitting import Overfitting
from unstuck.testing.rules import record

NEITHER = "evaluations were seen, but neither their loss nor their accuracy"


def test_evaluations_of_which_nothing_is_known_but_their_examples(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.EVALUATED: [300.0] * 3}, steps={signals.EVALUATED: [10, 20, 30]}) as run:
        seen = Evaluations.of(run)
        assert (seen.steps.tolist(), seen.count, seen.measured) == ([10, 20, 30], 3, False)
        assert seen.without(signals.VALIDATION_LOSS) == seen.without(signals.VALIDATION_ACCURACY) == NEITHER
        assert seen.without(Shift).startswith("evaluations were seen, but their inputs were not compared")
        assert seen.without(Overlap) == seen.without(signals.LOSS) == ""


@pytest.mark.parametrize(
    ("known", "lacking", "what"),
    [
        (signals.VALIDATION_ACCURACY, signals.VALIDATION_LOSS, "not their loss"),
        (signals.VALIDATION_LOSS, signals.VALIDATION_ACCURACY, "not their accuracy"),
    ],
)
def test_one_of_loss_and_accuracy_is_known(known: Signal, lacking: Signal, what: str, tmp_path: Path) -> None:
    with record(tmp_path, series={known: [0.5, 0.6]}) as run:
        assert Evaluations.of(run).without(lacking) == f"evaluations were seen, but {what}"


def test_two_places_that_evaluate_between_the_same_updates_count_twice(tmp_path: Path) -> None:
    series = {signals.EVALUATED: [300.0, 60.0], signals.VALIDATION_LOSS: [1.0]}
    with record(tmp_path, series=series, steps={signals.EVALUATED: [10, 10], signals.VALIDATION_LOSS: [10]}) as run:
        assert (Evaluations.of(run).count, Evaluations.of(run).steps.tolist()) == (2, [10])


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([0, 100], [100]),  # the untrained model first
        ([33, 67, 100], [100]),
        ([20, 40, 60, 80, 100], [80, 100]),
        ([70, 80, 90, 95, 100], [90, 95, 100]),
        ([10, 50, 70], [70]),
        ([10, 50], []),
        ([], []),
        ([40, 90, 90, 110], [90, 90, 110]),
    ],
)
def test_evaluations_of_the_end_lie_near_it(steps: list[int], kept: list[int], tmp_path: Path) -> None:
    series = {signals.LOSS: [1.0] * 101, signals.VALIDATION_LOSS: [1.0] * len(steps)}
    with record(tmp_path, series=series, steps={signals.VALIDATION_LOSS: steps}) as run:
        seen = Evaluations.of(run)
        assert seen.of_end(seen.losses).steps.tolist() == kept


def test_without_evaluations_nothing_is_explained(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [1.0]}) as run:
        assert (Evaluations.of(run).count, Evaluations.of(run).without(signals.VALIDATION_LOSS)) == (0, "")


@pytest.mark.parametrize(
    ("evaluated", "losses", "reason"),
    [
        ([], [], "no evaluation was seen"),
        ([300.0] * 9, [], NEITHER),
        ([300.0] * 9, [1.0] * 2, "the loss of fewer than 5 evaluations is known"),
    ],
)
def test_a_rule_about_evaluations_says_what_is_true_of_them(
    evaluated: list[float], losses: list[float], reason: str, tmp_path: Path
) -> None:
    series = {
        signals.LOSS: [1.0] * 20,
        **({signals.EVALUATED: evaluated} if evaluated else {}),
        **({signals.VALIDATION_LOSS: losses} if losses else {}),
    }
    with record(tmp_path, series=series) as run:
        outcome = evaluate(Overfitting(), run)
    assert getattr(outcome, "reason", "") == reason
