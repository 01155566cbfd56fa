from pathlib import Path

import numpy as np
import pytest

from unstuck.data import DATASETS, FORMATS, Place, load
from unstuck.errors import ArgumentError, DataError


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


@pytest.mark.parametrize("name", FORMATS)
def test_what_the_system_refuses_is_one_message(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"x{300}: cannot be read \(File name too long\); files that you may read"):
        load(name, place=Place(path=tmp_path / ("x" * 300), target="y"))


def test_a_file_inside_a_folder_that_the_system_refuses(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").symlink_to("data_batch_1.bin")
    with pytest.raises(DataError, match=r"data_batch_1\.bin: cannot be read \("):
        load("cifar10", place=Place(path=tmp_path))


def _one_class(home: Path, name: str) -> Path:
    ids, inputs = np.ones(30, np.int64), np.random.default_rng(0).random((30, 2))
    table = {"a": inputs[:, 0], "b": inputs[:, 1], "y": ["bee"] * 30}
    if name in ("cifar10", "cifar100"):
        pixels = np.zeros((30, 3072), np.uint8)
        labels = np.ones((30, 1 if name == "cifar10" else 2), np.uint8)
        np.hstack([labels, pixels]).tofile(home / ("data_batch_1.bin" if name == "cifar10" else "train.bin"))
        return home
    if name == "idx":
        head = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (30, 2, 2))
        (home / "train-images-idx3-ubyte").write_bytes(head + bytes(120))
        (home / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 30]) + bytes([1]) * 30)
        return home
    if name == "npz":
        np.savez(home / "mine.npz", x=inputs, y=ids)
        return home / "mine.npz"
    if name == "csv":
        (home / "mine.csv").write_text("a,b,y\n" + "\n".join(f"{a},{b},bee" for a, b in inputs))
        return home / "mine.csv"
    if name == "folder":
        picture = pytest.importorskip("PIL.Image").fromarray(np.zeros((4, 4), np.uint8))
        (home / "bee").mkdir()
        picture.save(home / "bee" / "0.png")
        return home
    pyarrow = pytest.importorskip("pyarrow")
    if name == "parquet":
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table(table), home / "mine.parquet")
        return home / "mine.parquet"
    arrow = pyarrow.table(table)
    with pyarrow.OSFile(str(home / "a.arrow"), "wb") as sink, pyarrow.ipc.new_stream(sink, arrow.schema) as stream:
        stream.write_table(arrow)
    (home / "state.json").write_text('{"_data_files": [{"filename": "a.arrow"}]}')
    (home / "dataset_info.json").write_text("{}")
    return home


@pytest.mark.parametrize("name", FORMATS)
def test_one_class_alone_is_one_message(tmp_path: Path, name: str) -> None:
    """The one class is named as the file names it."""
    place = Place(path=_one_class(tmp_path, name), target="y" if name in ("csv", "parquet", "huggingface") else None)
    told = r"of class ('1'|1|'bee'); at least two classes are needed|pictures of one class, 'bee'; .* of two classes"
    with pytest.raises(DataError, match=told):
        load(name, place=place)
