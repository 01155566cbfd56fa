from pathlib import Path

import pytest

from unstuck.data.files import Place
from unstuck.data.files.parts import part_names
from unstuck.errors import DataError

PLACE = Place(path=Path("mine"))


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_each_name_of_the_validation_part(name: str) -> None:
    assert part_names(PLACE, ["notes", "Test", name, "train"]) == {"train": "train", "validation": name, "test": "Test"}


def test_parts_come_in_their_order_and_may_be_absent() -> None:
    assert list(part_names(PLACE, ["test", "val", "train"])) == ["train", "validation", "test"]
    assert part_names(PLACE, ["test", "train"]) == {"train": "train", "test": "test"}


def test_without_a_training_part_the_names_mean_something_else() -> None:
    assert part_names(PLACE, ["val", "test", "car"]) == {}


def test_two_names_of_one_part_are_refused() -> None:
    with pytest.raises(DataError, match="mine: found val and validation; one validation part is accepted, join them"):
        part_names(PLACE, ["train", "validation", "val"])
