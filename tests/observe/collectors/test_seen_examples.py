import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.seen_examples import SeenExamples, recognised, signatures

generator = torch.Generator().manual_seed(0)
TRAINING, VALIDATION = torch.arange(20.0).reshape(10, 2), torch.arange(100.0, 112.0).reshape(6, 2)


def test_what_entered_at_a_place_from_which_no_update_came_was_not_trained_on() -> None:
    seen = SeenExamples()
    for _ in range(3):
        seen.train("train.py:5", TRAINING)
        seen.latest = "train.py:5"
        seen.learn()
        seen.train("train.py:9", VALIDATION)
        seen.latest = "train.py:9"
    seen.evaluate("train.py:12", VALIDATION)
    seen.evaluate("train.py:13", TRAINING)
    assert (seen.overlap("train.py:12"), seen.overlap("train.py:13")) == (0.0, 1.0)
    assert len(seen.trained) == len(TRAINING)


def test_a_batch_that_was_met_before_is_recognised() -> None:
    seen = SeenExamples()
    assert seen.train("train.py:5", TRAINING[:5]) == 0.0
    assert seen.train("train.py:5", TRAINING) == 0.5
    assert seen.train("train.py:5", torch.ones(())) is None


@pytest.mark.parametrize(
    "batch",
    [
        torch.randn(40, 7, generator=generator),
        torch.randint(0, 3, (40, 9), generator=generator),
        torch.randint(0, 255, (40, 3, 8, 8), dtype=torch.uint8, generator=generator),
    ],
    ids=["numbers", "ids", "images"],
)
def test_equal_examples_have_equal_signatures_and_others_have_not(batch: Tensor) -> None:
    distinct = batch.unique(dim=0)
    numbers = signatures(batch)
    assert numbers is not None
    assert len(set(numbers)) == len(distinct)
    again = signatures(batch.flip(0))
    assert again is not None
    assert again[::-1] == numbers
    assert signatures(batch[:5]) == numbers[:5], "whatever the batch that they come in"


@pytest.mark.parametrize(
    "batch",
    [torch.tensor(1.0), torch.empty(0, 3), torch.ones(2, 2, dtype=torch.complex64), torch.ones(2, 2).to_sparse()],
)
def test_what_holds_no_examples_has_none(batch: Tensor) -> None:
    assert signatures(batch) is None


def test_rows_that_hold_the_same_values_elsewhere_are_others() -> None:
    """One-hot rows, and pairs of ones, at every two columns of the first few dozen."""
    ones = torch.eye(30)
    pairs = (ones[:, None] + ones[None]).reshape(-1, 30).unique(dim=0)
    for rows in (ones, pairs, torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 2.0, 3.0, 1.0]])):
        numbers = signatures(rows)
        assert numbers is not None
        assert len(set(numbers)) == len(rows)


def test_batches_are_recognised_by_all_that_an_example_holds() -> None:
    seen = SeenExamples()
    ids, ages = torch.tensor([[1], [2]]), torch.tensor([30.0, 40.0])
    assert recognised(seen, (ids, ages)) == 0.0
    assert recognised(seen, (ids, ages + 1.0)) == 0.0
    assert recognised(seen, ()) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unstuck.observe.collectors.seen_examples.MOST_EXAMPLES", 4)
    seen = SeenExamples()
    for start in range(0, 100, 2):
        seen.train("here", torch.arange(start, start + 2.0).reshape(2, 1))
        seen.evaluate("there", torch.arange(start, start + 2.0).reshape(2, 1))
    assert len(seen.met["here"]) == len(seen.evaluated["there"]) == 4
