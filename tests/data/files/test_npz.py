import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.data.files import Place
from unstuck.data.files.npz import npz
from unstuck.errors import DataError

X = np.arange(24.0).reshape(8, 3)
Y = np.arange(8) % 2


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def zipped(folder: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(folder / "mine.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return folder / "mine.npz"


def plain(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def test_whole_numbers_are_classes_and_others_are_not(tmp_path: Path) -> None:
    source = npz(Place(path=saved(tmp_path, x=X, y=Y)))
    assert (source.name, source.task, source.targets.dtype) == ("mine", "classification", np.int64)
    np.testing.assert_array_equal(source.inputs, X)
    assert npz(Place(path=saved(tmp_path, inputs=X, targets=Y * 0.5))).task == "regression"
    assert npz(Place(path=saved(tmp_path, x=X, y=Y), task="regression")).targets.dtype == np.float64
    assert npz(Place(path=saved(tmp_path, x=X, y=Y * 1.0), task="classification")).targets.dtype == np.int64


def test_parts_of_its_own(tmp_path: Path) -> None:
    whole = {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2]}
    source = npz(Place(path=saved(tmp_path, **whole)))
    assert (len(source.inputs), source.given_validation, source.given_test) == (10, 0, 2)
    source = npz(Place(path=saved(tmp_path, x_val=X[5:], y_val=Y[5:], **whole)))
    assert (len(source.inputs), source.given_validation, source.given_test) == (13, 3, 2)
    np.testing.assert_array_equal(source.inputs, np.concatenate([X, X[5:], X[:2]]))
    np.testing.assert_array_equal(source.targets, np.concatenate([Y, Y[5:], Y[:2]]))


@pytest.mark.parametrize("name", ["{part}_{array}", "{array}_{part}"])
@pytest.mark.parametrize("validation", ["val", "valid", "validation", "VAL"])
def test_parts_named_before_or_after_the_array(tmp_path: Path, name: str, validation: str) -> None:
    """As MedMNIST names them: train_images, train_labels, the classes in a column."""
    images = np.arange(12 * 8 * 8 * 3, dtype=np.uint8).reshape(12, 8, 8, 3)
    labels = np.arange(12, dtype=np.uint8)[:, None] % 3
    rows = {"train": slice(0, 7), validation: slice(7, 9), "test": slice(9, 12)}
    arrays = {
        name.format(part=part, array=array): values[chosen]
        for part, chosen in rows.items()
        for array, values in (("images", images), ("labels", labels))
    }
    source = npz(Place(path=saved(tmp_path, **arrays)))
    assert (source.given_validation, source.given_test, source.task) == (2, 3, "classification")
    assert source.inputs.shape == (12, 3, 8, 8)
    assert source.targets.tolist() == [0, 1, 2] * 4
    assert np.array_equal(source.inputs, images.transpose(0, 3, 1, 2))


def test_parts_of_different_shapes(tmp_path: Path) -> None:
    file = saved(tmp_path, x_train=X, y_train=Y, x_valid=X[:, :2], y_valid=Y)
    with pytest.raises(DataError, match="arrays of train, validation are of different shapes"):
        npz(Place(path=file))


def test_other_names(tmp_path: Path) -> None:
    file = saved(tmp_path, pictures=np.zeros((8, 5, 5, 3), np.uint8), kinds=Y)
    assert npz(Place(path=file, target="kinds")).inputs.shape == (8, 3, 5, 5)
    with pytest.raises(DataError, match=r"found arrays pictures, kinds; an \.npz file with arrays x and y"):
        npz(Place(path=file))
    with pytest.raises(DataError, match=r"data\.target='kind'"):
        npz(Place(path=file, target="kind"))


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('code ran')",))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    file = saved(tmp_path, x=np.array([Attack()] * 8, dtype=object), y=Y)
    with pytest.raises(DataError, match=r"x\.npy holds Python objects, a pickle, which may run code"):
        npz(Place(path=file))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Attack()))
    with pytest.raises(DataError, match="cannot be read"):
        npz(Place(path=tmp_path / "bare.npz"))


def test_a_bomb_is_left_packed(tmp_path: Path) -> None:
    file = saved(tmp_path, x=np.zeros((2_000_000, 2)), y=np.zeros(2_000_000, int))
    assert file.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"unpacks to 0\.0447 GiB; up to 0\.01 GiB is accepted"):
        npz(Place(path=file, max_gib=0.01))


def header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", r"x\.npy is no NumPy array"),
        (header("(9999999999999, 3)"), r"x\.npy is of shape .* needs 239,999,999,999,976 bytes, found 0"),
        (header("(-8, -3)") + bytes(192), r"holds float64 of shape \(-8, -3\)"),
        (header("__import__('os').getpid()"), r"x\.npy is no NumPy array"),
        (plain(X)[:-8], "needs 192 bytes, found 184"),
        (plain(X) + b"0", "needs 192 bytes, found 193"),
        (plain(X[:3]), r"shapes \(3, 3\) and \(8,\); as many targets as inputs"),
        (plain(np.array(["a"] * 8)), "holds <U1 of shape"),
        (plain(np.zeros((8, 2, 2, 2, 2))), "array of 5 dimensions"),
    ],
)
def test_arrays_that_are_not_sound(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        npz(Place(path=zipped(tmp_path, x=content, y=plain(Y))))
    assert "mine.npz" in str(caught.value)


def test_a_file_cut_short(tmp_path: Path) -> None:
    file = saved(tmp_path, x=X, y=Y)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"mine\.npz: cannot be read"):
        npz(Place(path=file))


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    file = zipped(tmp_path, x=plain(X), y=plain(Y))
    content = bytearray(file.read_bytes())
    content[60] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"mine\.npz"):
        npz(Place(path=file))


def test_classes_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"targets such as 0\.5 for classes"):
        npz(Place(path=saved(tmp_path, x=X, y=Y + 0.5), task="classification"))
