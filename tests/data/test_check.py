from typing import Any

import numpy as np
import pytest

from unstuck.data import Source
from unstuck.data.check import check
from unstuck.errors import DataError

INPUTS = np.arange(24.0).reshape(8, 3)
IDS = np.array([0, 1, 2, 0, 1, 2, 0, 1])


def classes(**changes: Any) -> Source:
    return Source(**{"name": "mine", "task": "classification", "inputs": INPUTS, "targets": IDS, **changes})


def numbers(**changes: Any) -> Source:
    return Source(**{"name": "mine", "task": "regression", "inputs": INPUTS, "targets": IDS * 1.5, **changes})


def poisoned(value: float) -> np.ndarray:
    inputs = INPUTS.copy()
    inputs[2, 1] = inputs[5, 0] = value
    return inputs


@pytest.mark.parametrize(
    "source", [classes(), numbers(), classes(labels=("a", "b", "c")), numbers(targets=np.eye(8)[:, :2])]
)
def test_sound_data_pass(source: Source) -> None:
    check(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (classes(inputs=np.empty((0, 3)), targets=np.empty(0, int)), r"mine: the data set is empty .*0 x 3"),
        (classes(inputs=np.empty((8, 0))), "empty"),
        (classes(targets=IDS[:-1]), "8 inputs but 7 targets"),
        (classes(inputs=poisoned(np.nan)), r"2 of 24 values of the inputs are NaN or infinite, first in rows 2, 5;"),
        (numbers(inputs=poisoned(np.inf)), "NaN or infinite"),
        (numbers(targets=np.where(IDS == 1, np.nan, 1.0)), r"values of the targets .* rows 1, 4, 7"),
        (classes(targets=IDS - 1), r"class ids go from 0 to 1, got -1 in rows 0, 3, 6; number the classes from 0"),
        (classes(targets=IDS, labels=("a", "b")), r"class ids go from 0 to 1, got 2 in rows 2, 5"),
        (classes(targets=IDS * 2), r"go up to 4, but no example is of class 1, 3; add examples of it, or number"),
        (classes(targets=IDS * 0), "all 8 examples are of class 0; at least two classes are needed"),
        (classes(targets=IDS * 0, labels=("ant",)), "all 8 examples are of class 'ant'; at least two"),
        (classes(targets=np.eye(3)[IDS]), r"float64 of shape \(8, 3\); turn one-hot rows into ids"),
        (classes(targets=IDS * 1.0), "floats into integers"),
        (numbers(targets=np.full(8, 3.0)), r"all 8 targets are equal \(3\)"),
    ],
)
def test_bad_data_are_refused_with_the_rows_at_fault(source: Source, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check(source)


def test_a_long_list_of_rows_is_cut() -> None:
    with pytest.raises(DataError, match="rows 0, 1, 2, 3, 4 and 3 more"):
        check(numbers(inputs=INPUTS * np.nan))


SYMBOLS = np.array([[0, 1, 2], [2, 1, 0]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": SYMBOLS[:, :2]}, r"inputs of shape \(2, 3\) and targets of shape \(2, 2\)"),
        ({"inputs": SYMBOLS * 0.5}, "symbols are whole numbers, got inputs of float64"),
        ({"targets": SYMBOLS + 1}, "targets hold symbols from 1 to 3, but there are 3"),
    ],
)
def test_sequences_that_do_not_fit_their_symbols(changes: dict[str, Any], message: str) -> None:
    sound: dict[str, Any] = {"inputs": SYMBOLS, "targets": SYMBOLS, "labels": ("a", "b", "c"), "ordered": True}
    check(classes(**sound))
    with pytest.raises(DataError, match=message):
        check(classes(**{**sound, **changes}))
