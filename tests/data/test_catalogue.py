from pathlib import Path

import numpy as np
import pytest

from unstuck.data import DATASETS, FORMATS, Place, load
from unstuck.errors import ArgumentError


@pytest.mark.parametrize(
    ("name", "features", "outputs", "examples"),
    [
        ("digits", (1, 8, 8), 10, 1797),
        ("diabetes", (10,), 1, 442),
        ("breast-cancer", (30,), 2, 569),
        ("pokemon", (1,), 1, 10),
    ],
)
def test_sets_that_need_no_extra(name: str, features: tuple[int, ...], outputs: int, examples: int) -> None:
    data = load(name)
    assert (data.name, data.features, data.outputs) == (name, features, outputs)
    assert len(data.train) + len(data.validation) + len(data.test) == examples
    assert abs(data.train.inputs.mean().item()) < 1e-5
    assert data.train.inputs.std().item() == pytest.approx(1.0, abs=0.06)


def test_names_in_the_table_are_those_of_the_sources() -> None:
    assert all(name == (DATASETS[name]().name if name not in ("mnist5k", "auto-mpg") else name) for name in DATASETS)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="name='digit' is not known; did you mean 'digits'"):
        load("digit")


def test_held_out_shares_can_be_set() -> None:
    data = load("digits", validation=0.0, test=0.5)
    assert len(data.validation) == 0
    assert len(data.test) == pytest.approx(898, abs=1)


def test_digits_keep_their_pictures() -> None:
    raw = load("digits", scale=False)
    assert raw.train.inputs.max() == 16
    assert set(np.unique(raw.train.inputs)) == set(range(17))


def test_files_of_your_own_by_their_format(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,y\n" + "\n".join(f"{number},{number * 0.5}" for number in range(20)))
    data = load("csv", place=Place(path=file, target="y"))
    assert (data.name, data.task, data.features) == ("mine", "regression", (1,))


def test_a_path_is_needed_for_files_and_refused_for_names() -> None:
    with pytest.raises(ArgumentError, match="path=None: 'csv' reads files of your own"):
        load("csv")
    with pytest.raises(ArgumentError, match="'digits' comes with a package and has no path"):
        load("digits", place=Place(path=Path("x")))
    assert not set(DATASETS) & set(FORMATS)
