import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from unstuck.data import prepare
from unstuck.data.files import Place
from unstuck.data.files.idx import idx, read_idx
from unstuck.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, size=(12, 5, 4)).astype(np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)


def packed(values: np.ndarray, *, code: int = 8) -> bytes:
    return bytes([0, 0, code, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def written(folder: Path, *, ending: str = "") -> Path:
    for part, count in (("train", 12), ("t10k", 6)):
        for name, values in ((f"{part}-images-idx3-ubyte", IMAGES), (f"{part}-labels-idx1-ubyte", LABELS)):
            content = packed(values[:count])
            (folder / (name + ending)).write_bytes(gzip.compress(content) if ending else content)
    return folder


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_with_a_test_part(tmp_path: Path, ending: str) -> None:
    source = idx(Place(path=written(tmp_path, ending=ending)))
    np.testing.assert_array_equal(source.inputs[:12, 0], IMAGES)
    np.testing.assert_array_equal(source.targets[:12], LABELS)
    data = prepare(source)
    assert (data.features, data.outputs, len(data.test)) == ((1, 5, 4), 3, 6)


def test_one_file_with_its_labels_beside_it(tmp_path: Path) -> None:
    written(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    assert len(idx(Place(path=file, target="train-labels-idx1-ubyte")).inputs) == 12
    with pytest.raises(DataError, match="found one file"):
        idx(Place(path=file))


def test_numbers_of_several_bytes_are_big_endian(tmp_path: Path) -> None:
    file = tmp_path / "wide"
    file.write_bytes(packed(np.array([1, 258], dtype=">i4"), code=0x0C))
    assert read_idx(file, Place(path=file)).tolist() == [1, 258]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\x89PNG....", "begins with 89 50 4e 47; an IDX file begins with 00 00"),
        (b"\0\0\x08\x09" + bytes(40), "1 to 4 dimensions"),
        (b"\0\0\x08\x03\0\0", "ends inside its sizes"),
        (packed(IMAGES)[:-1], "12 x 5 x 4 need 240 bytes, found only 239"),
        (packed(IMAGES) + b"\0", "need 240 bytes, found more"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "GiB; up to 4 GiB is accepted"),
    ],
)
def test_files_that_are_not_sound(tmp_path: Path, content: bytes, message: str) -> None:
    (written(tmp_path) / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        idx(Place(path=tmp_path))
    assert "train-images-idx3-ubyte" in str(caught.value)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-9], lambda packed: b"no gzip", lambda packed: packed[:4]])
def test_packed_files_that_are_not_sound(tmp_path: Path, spoil: object) -> None:
    file = written(tmp_path, ending=".gz") / "train-images-idx3-ubyte.gz"
    file.write_bytes(spoil(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: cannot be read .* a whole IDX file is accepted"):
        idx(Place(path=tmp_path))


def test_a_bomb_is_left_packed(tmp_path: Path) -> None:
    file = written(tmp_path, ending=".gz") / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(packed(IMAGES) + bytes(50_000_000)))
    with pytest.raises(DataError, match="need 240 bytes, found more"):
        idx(Place(path=tmp_path))


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    (written(tmp_path) / "train-labels-idx1-ubyte").write_bytes(packed(LABELS[:-1]))
    with pytest.raises(DataError, match=r"shape \(11,\) for 12 images"):
        idx(Place(path=tmp_path))


@pytest.mark.parametrize("target", ["../labels", "/etc/hostname"])
def test_a_name_that_leaves_the_folder(tmp_path: Path, target: str) -> None:
    written(tmp_path)
    with pytest.raises(DataError, match="leads out of"):
        idx(Place(path=tmp_path / "train-images-idx3-ubyte", target=target))


def test_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    labels = written(folder) / "train-labels-idx1-ubyte"
    labels.rename(tmp_path / "elsewhere")
    labels.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="leads out of"):
        idx(Place(path=folder))


def test_a_folder_without_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no train-images"):
        idx(Place(path=tmp_path))
    with pytest.raises(DataError, match=r"gone: found nothing; a folder that holds"):
        idx(Place(path=tmp_path / "gone"))
