"""Means of members are those of a tally for each."""

import pytest
import torch

from unstuck.stacked.tally import MemberTally
from unstuck.train import Tally

KINDS = {
    "classes": ((5,), 5),
    "one output": ((1,), 2),
    "sequences": ((5, 7), 5),
    "numbers": ((1,), 0),
    "yes or no": ((1,), 0),
}
"""Dimensions of an output after that of the examples, and classes; 0 for numbers."""


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_as_one_for_each(own, kind):
    generator = torch.Generator().manual_seed(0)
    yes_or_no = kind == "yes or no"
    together, apart = MemberTally(3, yes_or_no=yes_or_no), [Tally(yes_or_no=yes_or_no) for _ in range(3)]
    for size in [4] * 17 + [2]:
        trailing, classes = KINDS[kind]
        outputs = torch.randn(3, size, *trailing, generator=generator)
        shape = (*((3,) if own else ()), size, *trailing[1:])
        targets = (
            torch.randint(0, classes, shape, generator=generator) if classes else torch.zeros(*shape, 1).bernoulli_()
        )
        losses = torch.rand(3, generator=generator)
        together.add(losses, outputs, targets, own=own)
        for k, tally in enumerate(apart):
            tally.add(losses[k], outputs[k], targets[k] if own else targets)
    for mine, tally in zip(together.means(), apart, strict=True):
        expected = tally.means()
        assert mine.loss == pytest.approx(expected.loss, rel=1e-6)
        assert (mine.accuracy, mine.examples) == (expected.accuracy, expected.examples)


def test_divergence_is_noticed_for_the_member_that_it_befalls_and_others_stay():
    tally = MemberTally(3)
    tally.add(torch.tensor([1.0, torch.nan, 2.0]), torch.zeros(3, 2, 1), torch.zeros(2, 1), own=False)
    tally.reduce()
    assert tally.diverged.tolist() == [False, True, False]
    tally.keep([0, 2])
    tally.add(torch.tensor([3.0, 4.0]), torch.zeros(2, 2, 1), torch.zeros(2, 1), own=False)
    assert [means.loss for means in tally.means()] == [2.0, 3.0]


def test_nothing_added():
    means = MemberTally(1).means()[0]
    assert (means.accuracy, means.examples) == (None, 0)
