import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.data.files import Place
from unstuck.data.files.parquet import parquet
from unstuck.errors import ArgumentError, DataError, MissingPackageError

pyarrow = pytest.importorskip("pyarrow")
reader = pytest.importorskip("pyarrow.parquet")


def written(folder: Path, **columns: Any) -> Path:
    reader.write_table(pyarrow.table(columns), folder / "mine.parquet")
    return folder / "mine.parquet"


def test_a_text_that_unpacks_to_too_much_is_refused_before(tmp_path: Path) -> None:
    table = pyarrow.table({"x": np.arange(4.0), "y": ["a" * 40_000_000, "b", "a", "b"]})
    reader.write_table(table, tmp_path / "bomb.parquet", compression="zstd", use_dictionary=False)
    assert (tmp_path / "bomb.parquet").stat().st_size < 20_000
    with pytest.raises(DataError, match=r"bomb\.parquet: unpacks to 0\.0373 GiB; up to 0\.01 GiB is accepted"):
        parquet(Place(path=tmp_path / "bomb.parquet", target="y", max_gib=0.01))


def test_several_row_groups_are_one_table(tmp_path: Path) -> None:
    table = pyarrow.table({"x": np.arange(300.0), "y": ["bee", "ant", "cat"] * 100})
    reader.write_table(table, tmp_path / "mine.parquet", row_group_size=70)
    source = parquet(Place(path=tmp_path / "mine.parquet", target="y"))
    np.testing.assert_array_equal(source.inputs[:, 0], np.arange(300.0))
    assert (source.labels, source.targets.tolist()) == (("ant", "bee", "cat"), [1, 0, 2] * 100)
    reader.write_table(table[:0], tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="found no row"):
        parquet(Place(path=tmp_path / "empty.parquet", target="y"))


def test_numbers_and_classes(tmp_path: Path) -> None:
    file = written(tmp_path, a=[1, 2, 3], flag=[True, False, True], y=[0.5, 1.5, 2.5], kind=["x", "y", "x"])
    amounts = parquet(Place(path=file, target="y", columns=("a", "flag")))
    np.testing.assert_array_equal(amounts.inputs, [[1, 1], [2, 0], [3, 1]])
    assert (amounts.task, amounts.targets.tolist()) == ("regression", [0.5, 1.5, 2.5])
    kinds = parquet(Place(path=file, target="kind"))
    assert (kinds.labels, kinds.targets.tolist()) == (("x", "y"), [0, 1, 0])
    assert parquet(Place(path=file, target="a", columns=("y",), task="classification")).labels == ("1", "2", "3")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": ["red", "blue"], "y": [0.5, 1]}, "column 'a' holds string; numbers are accepted"),
        ({"a": [[1], [2]], "y": [0.5, 1]}, "column 'a' holds list<"),
        ({"a": [1, None], "y": [0.5, 1]}, "column 'a' lacks 1 of 2 values"),
        ({"a": [1, 2], "y": [0.5, None]}, "column 'y' lacks 1 of 2 values"),
        ({"a": [1, 2], "y": ["x", None]}, "column 'y' lacks values"),
    ],
)
def test_columns_that_nothing_can_be_learned_from(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parquet(Place(path=written(tmp_path, **columns), target="y"))


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-20], lambda whole: b"", lambda whole: b"PAR1" + bytes(40)])
def test_files_that_are_not_sound(tmp_path: Path, spoil: Any) -> None:
    file = written(tmp_path, a=[1, 2], y=[0.5, 1])
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(DataError, match=r"mine\.parquet: cannot be read .*a whole Parquet file is accepted"):
        parquet(Place(path=file, target="y"))


def test_a_bomb_is_left_packed(tmp_path: Path) -> None:
    file = written(tmp_path, a=np.zeros(3_000_000), y=np.full(3_000_000, 0.5))
    assert file.stat().st_size < 500_000
    with pytest.raises(DataError, match=r"up to 0\.01 GiB is accepted"):
        parquet(Place(path=file, target="y", max_gib=0.01))


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="target='z' is not known"):
        parquet(Place(path=written(tmp_path, a=[1], y=[2]), target="z"))


def test_without_pyarrow_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, a=[1], y=[2])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match=r"pyarrow is needed for .*; pip install 'unstuck\[parquet\]'"):
        parquet(Place(path=file, target="y"))
