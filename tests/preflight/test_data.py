from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unstuck.preflight import Subject
from unstuck.preflight.data import data

Make = Callable[..., Subject]
X = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
Y = X[:, :3].argmax(dim=1)


def holed() -> Tensor:
    x = X.clone()
    x[7, 2] = torch.nan
    return x


@pytest.mark.parametrize(
    ("x", "y", "cause", "word"),
    [
        (holed(), Y, "data-non-finite", "first in row 7"),
        (X * 100, Y, "inputs-not-scaled", "root mean square of 1"),
        (X * 0 + 1, Y, "data-constant", "all inputs are equal"),
        (X, Y.sort().values, "data-not-shuffled", "neighbours are of one class"),
        (X, Y * 0, "data-not-shuffled", "class 0"),
        (X, torch.ones(200, 1), "data-constant", "all targets are equal"),
    ],
)
def test_faults_of_the_data_are_told_by_cause(x: Tensor, y: Tensor, cause: str, word: str, subject: Make) -> None:
    check = data(subject(data=(x, y)))
    assert (check.status, check.cause) == ("failed", cause), check.reason
    assert word in check.reason


def test_sound_data_pass(subject: Make) -> None:
    other = torch.randn(50, 8, generator=torch.Generator().manual_seed(9))
    assert data(subject(data=(X, Y), validation=(other, Y[:50]))).status == "passed"


def test_examples_in_training_and_validation_are_counted(subject: Make) -> None:
    check = data(subject(data=(X, Y), validation=(X[:40], Y[:40])))
    assert (check.status, check.cause) == ("failed", "split-leak")
    assert "40 of 40" in check.reason


def test_duplicates_and_rare_classes_are_noted(subject: Make) -> None:
    rare = torch.zeros(200, dtype=torch.int64)
    rare[::40] = 1
    check = data(subject(data=(torch.cat([X[:195], X[:5]]), rare)))
    assert check.status == "noted"
    assert "5 inputs occur more than once" in check.reason
    assert "class counts go from 5 to 195" in check.reason
