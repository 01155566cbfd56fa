import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.data import prepare
from unstuck.data.files import Place
from unstuck.data.files.huggingface import huggingface
from unstuck.errors import ArgumentError, DataError

pyarrow = pytest.importorskip("pyarrow")
Image = pytest.importorskip("PIL.Image")

KINDS = {"_type": "ClassLabel", "names": ["ant", "bee"]}
PICTURES = np.random.default_rng(0).integers(0, 256, size=(6, 5, 4, 3)).astype(np.uint8)


def png(values: np.ndarray) -> dict[str, Any]:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": "/etc/passwd"}


def written(folder: Path, features: dict[str, Any] | None = None, **columns: Any) -> Path:
    """What save_to_disk leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    file = str(folder / "data-00000-of-00001.arrow")
    with pyarrow.OSFile(file, "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=4)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features or {}}))
    return folder


def pictures(folder: Path) -> Path:
    features = {"image": {"_type": "Image"}, "label": KINDS}
    return written(folder, features, image=[png(values) for values in PICTURES], label=[0, 1] * 3)


def test_pictures_with_labels(tmp_path: Path) -> None:
    source = huggingface(Place(path=pictures(tmp_path / "insects")))
    np.testing.assert_array_equal(source.inputs, PICTURES.transpose(0, 3, 1, 2))
    assert (source.name, source.labels, source.targets.tolist()) == ("insects", ("ant", "bee"), [0, 1] * 3)


def test_parts_of_a_dict(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["test", "train", "unsupervised"]}')
    for part, rows in (("train", 6), ("validation", 4), ("test", 2)):
        written(tmp_path / part, {"y": KINDS}, x=[10.0 * rows + row for row in range(rows)], y=[0, 1] * (rows // 2))
    data = prepare(huggingface(Place(path=tmp_path)), validation=0.3, scale=False)
    assert (data.test.inputs[:, 0].tolist(), len(data.train), len(data.validation)) == ([20, 21], 4, 2)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["test", "train", "validation"]}')
    data = prepare(huggingface(Place(path=tmp_path)), scale=False)
    assert data.validation.inputs[:, 0].tolist() == [40, 41, 42, 43]
    assert sorted(data.train.inputs[:, 0].tolist()) == [60, 61, 62, 63, 64, 65]
    assert data.test.inputs[:, 0].tolist() == [20, 21]


def test_numbers_in_columns_and_in_lists(tmp_path: Path) -> None:
    columns = written(tmp_path / "a", x=[1.0, 2.0], z=[3, 4], y=[0.5, 1.5])
    source = huggingface(Place(path=columns, target="y"))
    np.testing.assert_array_equal(source.inputs, [[1, 3], [2, 4]])
    lists = written(tmp_path / "b", x=[[[1, 2], [3, 4]]] * 2 + [[[5, 6], [7, 8]]] * 3, y=["p", "q", "p", "q", "q"])
    source = huggingface(Place(path=lists, target="y"))
    assert (source.inputs.shape, source.inputs[2].tolist(), source.labels) == (
        (5, 1, 2, 2),
        [[[5, 6], [7, 8]]],
        ("p", "q"),
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [[1], [2, 3, 4]], "y": [0.5, 1]}, "lists of different lengths"),
        ({"x": ["a", "b"], "y": [0.5, 1]}, "column 'x' holds string or gaps"),
        ({"x": [[1, None], [2, 3]], "y": [0.5, 1]}, "or gaps"),
        ({"x": [1, None], "y": [0.5, 1]}, "column 'x' lacks 1 of 2 values"),
        ({"x": [{"bytes": None, "path": "/etc/passwd"}] * 2, "y": [0.5, 1]}, "holds no picture in row 0"),
    ],
)
def test_columns_that_nothing_can_be_learned_from(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    kind = {"x": {"_type": "Image"}} if "picture" in message else {}
    with pytest.raises(DataError, match=message):
        huggingface(Place(path=written(tmp_path, kind, **columns), target="y"))


def test_labels_that_have_no_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found label 2; 0 to 1 are accepted"):
        huggingface(Place(path=written(tmp_path, {"y": KINDS}, x=[1.0, 2.0], y=[0, 2])))


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/hostname"])
def test_a_name_that_leaves_the_folder(tmp_path: Path, name: str) -> None:
    home = pictures(tmp_path / "home")
    (home / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(DataError, match="leads out of"):
        huggingface(Place(path=home))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("state.json", "{", r"state\.json: cannot be read"),
        ("state.json", "[]", "found no table of keys"),
        ("state.json", "{}", "found no list of data files"),
        ("state.json", "[" * 100_000, r"state\.json: cannot be read"),
        ("dataset_info.json", "nothing", r"dataset_info\.json: cannot be read"),
        ("dataset_dict.json", '{"splits": ["validation"]}', r"found parts \['validation'\]"),
        ("data-00000-of-00001.arrow", "", "cannot be read"),
        ("data-00000-of-00001.arrow", "ARROW1" * 20, "cannot be read"),
    ],
)
def test_files_that_are_not_sound(tmp_path: Path, file: str, content: str, message: str) -> None:
    (pictures(tmp_path) / file).write_text(content)
    with pytest.raises(DataError, match=message):
        huggingface(Place(path=tmp_path))


def test_a_stream_cut_short(tmp_path: Path) -> None:
    file = pictures(tmp_path) / "data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(DataError, match="cannot be read"):
        huggingface(Place(path=tmp_path))


def test_no_target(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="target=None"):
        huggingface(Place(path=written(tmp_path, x=[1.0], y=[2.0])))


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no row"):
        huggingface(Place(path=written(tmp_path, x=pyarrow.array([], "f8"), y=pyarrow.array([], "f8")), target="y"))


def test_rows_that_take_no_bytes_are_counted(tmp_path: Path) -> None:
    folder = written(tmp_path, x=pyarrow.nulls(2), y=[0.5, 1.0])
    hollow = pyarrow.record_batch([pyarrow.nulls(10**9)], names=["x"])
    file = str(folder / "data-00000-of-00001.arrow")
    with pyarrow.OSFile(file, "wb") as sink, pyarrow.ipc.new_stream(sink, hollow.schema) as stream:
        stream.write_batch(hollow)
    with pytest.raises(DataError, match=r"unpacks to 7\.45 GiB; up to 4 GiB is accepted"):
        huggingface(Place(path=folder, target="y"))
