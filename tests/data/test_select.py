from typing import Any

import pytest
import torch

from unstuck.data import load, select
from unstuck.errors import ArgumentError

DIGITS = load("digits")


def test_classes_are_kept_in_all_parts_and_counted_anew() -> None:
    kept = select(DIGITS, classes=("9", "2"))
    assert (kept.labels, kept.outputs) == (("2", "9"), 2)
    for part, whole in ((kept.train, DIGITS.train), (kept.validation, DIGITS.validation), (kept.test, DIGITS.test)):
        rows = (whole.targets == 2) | (whole.targets == 9)
        assert torch.equal(part.inputs, whole.inputs[rows])
        assert torch.equal(part.targets, (whole.targets[rows] == 9).long())


@pytest.mark.parametrize("count", [10, 13, 200])
def test_examples_are_drawn_evenly_and_fewer_are_among_the_more(count: int) -> None:
    few, more = select(DIGITS, examples=count, seed=3), select(DIGITS, examples=count + 20, seed=3)
    counts = few.train.targets.bincount(minlength=10)
    assert int(counts.sum()) == count
    assert int(counts.max() - counts.min()) <= 1
    pictures = {tuple(picture.flatten().tolist()) for picture in more.train.inputs}
    assert all(tuple(picture.flatten().tolist()) in pictures for picture in few.train.inputs)
    assert len(few.test) == len(DIGITS.test)


def test_rare_classes_and_their_repetition() -> None:
    rare = select(DIGITS, classes=("0", "1"), rare={"1": 7})
    zeros = int((DIGITS.train.targets == 0).sum())
    assert rare.train.targets.bincount().tolist() == [zeros, 7]
    even = select(DIGITS, classes=("0", "1"), rare={"1": 7}, balanced=True)
    assert even.train.targets.bincount().tolist() == [zeros, zeros]
    ones = even.train.inputs[even.train.targets == 1].flatten(1)
    assert len(ones.unique(dim=0)) == 7


def test_a_regression_and_sequences_can_be_cut_short() -> None:
    assert len(select(load("diabetes"), examples=20).train) == 20
    assert len(select(load("characters"), examples=20).train) == 20


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("digits", {"classes": ("1", "ten")}, r"classes='ten' is not known.* Accepted: 0, 1"),
        ("digits", {"classes": ("1", "1")}, r"classes=\['1', '1'\]: there is nothing to tell apart"),
        ("digits", {"examples": 0}, "examples=0: there are 1168 training examples"),
        ("digits", {"examples": 2000}, "examples=2000: .* give 1 to 1168"),
        ("digits", {"rare": {"1": 900}}, "rare=900: there are "),
        ("digits", {"rare": {"x": 9}}, "rare='x' is not known"),
        ("diabetes", {"classes": ("1", "2")}, "classes=.*: 'diabetes' has no classes of examples"),
        ("characters", {"balanced": True}, "balanced=True: 'characters' has no classes"),
    ],
)
def test_what_cannot_be_kept(name: str, how: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        select(load(name), **how)
