from pathlib import Path

import pytest

from unstuck.record import NotEvaluated, Run
from unstuck.record.facts import Graph, Loader, Passes
from unstuck.rules.mechanics.batches_left_out import BatchesLeftOut
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(
    folder: Path, *, updates: int = 10, entered: int = 20, backward: int = 1, lost: int = 0, used: int = 1,
    begun: int = 10, batches: int = 20,
) -> Run:  # fmt: skip
    counted = Passes(
        updates=updates, forward=updates * entered, backward=updates * backward, lost=updates * lost, used=used
    )
    loader = Loader(number=0, begun=begun, updates=updates, batches=batches, examples=32 * batches, order="random")
    return record(folder, facts=[counted, loader, Graph(step=0, file="train.py", line=9)])


class TestContract(RuleContract):
    rule = BatchesLeftOut()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", updates=200, entered=1)


def test_backward_behind_the_loop(tmp_path: Path) -> None:
    (found,) = outcome(BatchesLeftOut(), run_of(tmp_path))
    assert "after 20 batches and learns from one: backward is called once" in found.summary
    assert str(found.where) == "train.py:9"


def test_a_step_behind_the_loop_after_cleared_gradients(tmp_path: Path) -> None:
    (found,) = outcome(BatchesLeftOut(), run_of(tmp_path, backward=20, lost=19))
    assert "clears the gradients" in found.summary


@pytest.mark.parametrize(
    "healthy",
    [
        {"used": 20},  # one loss, summed over all batches
        {"backward": 20},  # gradients accumulated over an epoch
        {"entered": 2},  # one more pass beside each update
        {"batches": 1, "entered": 1},  # the whole data at once
        {"begun": 1},  # a loader that is gone through once
    ],
)
def test_what_uses_every_batch_is_silent(tmp_path: Path, healthy: dict[str, int]) -> None:
    assert not outcome(BatchesLeftOut(), run_of(tmp_path, **healthy))


def test_few_updates_say_nothing(tmp_path: Path) -> None:
    assert isinstance(next(iter(BatchesLeftOut().apply(run_of(tmp_path, updates=2)))), NotEvaluated)
