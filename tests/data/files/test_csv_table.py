import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from unstuck.data.files import Place
from unstuck.data.files.csv_table import csv_table
from unstuck.errors import ArgumentError, DataError

CARS = "weight,year,kind,use\n1.5,70,van,8.1\n2,71,car,7\n0.9,72,car,6.5\n"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "cars.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_numbers_and_classes(tmp_path: Path) -> None:
    file = written(tmp_path, CARS)
    amounts = csv_table(Place(path=file, target="use", columns=("weight", "year")))
    assert (amounts.name, amounts.task, amounts.targets.tolist()) == ("cars", "regression", [8.1, 7.0, 6.5])
    np.testing.assert_array_equal(amounts.inputs, [[1.5, 70], [2, 71], [0.9, 72]])
    kinds = csv_table(Place(path=file, target="kind"))
    assert (kinds.task, kinds.labels, kinds.targets.tolist()) == ("classification", ("car", "van"), [1, 0, 0])
    assert kinds.inputs.shape == (3, 3)


@pytest.mark.parametrize("text", ["1;2;3\n4;5;6\n", "\ufeff1\t2\t3\r\n4\t5\t6\r\n", "1,2,3\n\n4,5,6"])
def test_without_names_columns_are_numbered(tmp_path: Path, text: str) -> None:
    source = csv_table(Place(path=written(tmp_path, text), target="2", task="regression"))
    np.testing.assert_array_equal(source.inputs, [[1, 2], [4, 5]])
    assert source.targets.tolist() == [3, 6]


def test_whole_numbers_may_be_classes_or_amounts(tmp_path: Path) -> None:
    file = written(tmp_path, "a,b\n0.5,3\n1.5,7\n0.1,3\n")
    with pytest.raises(ArgumentError, match=r"task=None: column 'b' .* holds whole numbers"):
        csv_table(Place(path=file, target="b"))
    classes = csv_table(Place(path=file, target="b", task="classification"))
    assert (classes.labels, classes.targets.tolist()) == (("3", "7"), [0, 1, 0])
    with pytest.raises(DataError, match=r"holds 0\.5 among classes"):
        csv_table(Place(path=file, target="a", task="classification"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "found no row"),
        ("a,use\n", "found names and no rows"),
        ("a,use\n1,2\n3\n", "line 3 has 1 fields, those before it 2"),
        ("a,use\n1,2\n,3.5\n", "column 'a' lacks 1 of 2 values, .* first in row 1"),
        ("a,use\n1,2\n3,\n", "column 'use' lacks 1 of 2 values"),
        ("a,use\n1,nan\n3,4\n", "column 'use' lacks"),
        ("a,use\nred,2.5\n3,4\n", "column 'a' holds text such as 'red'; numbers are accepted"),
        ("a,a,use\n1,2,3.5\n", "several columns are called 'a'"),
        (b"a,use\n\xff\xfe,2\n", "cannot be read .*UTF-8"),
        ('a,use\n"1,2\n3,4\n', "cannot be read"),
        ('a,use\n"' + "1" * 200_000 + '",2\n', "cannot be read .*field larger than field limit"),
    ],
)
def test_tables_that_are_not_sound(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        csv_table(Place(path=written(tmp_path, text), target="use"))
    assert "cars.csv" in str(caught.value)


def test_names_that_are_not_there(tmp_path: Path) -> None:
    file = written(tmp_path, CARS)
    with pytest.raises(ArgumentError, match=r"target='usee' is not known; did you mean 'use'\?"):
        csv_table(Place(path=file, target="usee"))
    with pytest.raises(ArgumentError, match=r"columns='wait' is not known"):
        csv_table(Place(path=file, target="use", columns=("wait",)))
    with pytest.raises(ArgumentError, match=r"target=None: .* has weight, year, kind, use"):
        csv_table(Place(path=file))
    with pytest.raises(ArgumentError, match="no column besides the target"):
        csv_table(Place(path=file, target="use", columns=("use",)))


def test_a_regression_needs_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds text such as 'van'; a regression needs numbers"):
        csv_table(Place(path=written(tmp_path, CARS), target="kind", task="regression"))


def test_a_missing_class_and_a_large_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'kind' lacks values"):
        csv_table(Place(path=written(tmp_path, "a,kind\n1,x\n2,\n"), target="kind"))
    with pytest.raises(DataError, match="GiB is accepted"):
        csv_table(Place(path=written(tmp_path, CARS), target="use", max_gib=1e-7))


def test_one_long_name_does_not_make_all_long(tmp_path: Path) -> None:
    long = "b" * 100_000
    file = tmp_path / "a.csv"
    file.write_text("x,y\n" + "".join(f"{row},{long if row == 7 else 'ab'[row % 2]}\n" for row in range(5_000)))
    tracemalloc.start()
    source = csv_table(Place(path=file, target="y"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source.labels == ("a", "b", long)
    assert peak < 20_000_000  # 5,000 texts of 100,000 letters would take 2 GB
