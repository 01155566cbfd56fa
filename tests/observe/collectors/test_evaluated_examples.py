from __future__ import annotations

import pytest
import torch

from unstuck.observe.collectors.evaluated_examples import EvaluatedExamples
from unstuck.observe.collectors.seen_examples import SeenExamples

TRAINED = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
FRESH = torch.randn(20, 5, generator=torch.Generator().manual_seed(1))


def met(**evaluated: torch.Tensor) -> EvaluatedExamples:
    seen = SeenExamples()
    seen.train("loop", TRAINED)
    seen.latest = "loop"
    seen.learn()
    for place, batch in evaluated.items():
        seen.evaluate(place, batch)
    return EvaluatedExamples(seen)


def test_an_evaluation_of_all_that_training_has_is_of_the_training_set() -> None:
    examples = met(first=TRAINED, second=FRESH)
    assert (examples.trained_on("first"), examples.trained_on("second")) == (True, False)


def test_a_small_part_of_the_training_set_is_a_validation_set_that_leaked() -> None:
    examples = met(first=TRAINED[:8])
    assert not examples.trained_on("first")
    overlap = examples.overlap()
    assert overlap is not None
    assert (overlap.evaluated, overlap.seen_in_training, overlap.trained) == (8, 8, 40)


@pytest.mark.parametrize("evaluated", [{}, {"first": TRAINED}])
def test_without_a_validation_there_is_no_overlap(evaluated: dict[str, torch.Tensor]) -> None:
    assert met(**evaluated).overlap() is None


def test_fresh_examples_do_not_overlap() -> None:
    overlap = met(first=FRESH).overlap()
    assert overlap is not None
    assert (overlap.evaluated, overlap.seen_in_training) == (20, 0)
