from pathlib import Path

import numpy as np
import pytest

from unstuck.data.files import Place
from unstuck.data.files.cifar import cifar10, cifar100
from unstuck.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, size=(20, 3072)).astype(np.uint8)


def written(folder: Path) -> Path:
    labels = (np.arange(20) % 10).astype(np.uint8)[:, None]
    rows = np.concatenate([labels, PIXELS], axis=1)
    (folder / "data_batch_1.bin").write_bytes(rows[:10].tobytes())
    (folder / "data_batch_2.bin").write_bytes(rows[10:].tobytes())
    (folder / "test_batch.bin").write_bytes(rows[:10].tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"kind {number}" for number in range(10)) + "\n\n")
    return folder


def test_ten_classes(tmp_path: Path) -> None:
    source = cifar10(Place(path=written(tmp_path)))
    assert (source.inputs.shape, source.given_test, source.labels[3]) == ((30, 3, 32, 32), 10, "kind 3")
    np.testing.assert_array_equal(source.inputs[:20].reshape(20, -1), PIXELS)
    assert source.targets.tolist() == [*range(10)] * 3


def test_a_hundred_classes_take_the_fine_label(tmp_path: Path) -> None:
    labels = np.stack([np.arange(20) % 20, np.arange(20) + 50], axis=1).astype(np.uint8)
    (tmp_path / "train.bin").write_bytes(np.concatenate([labels, PIXELS], axis=1).tobytes())
    source = cifar100(Place(path=tmp_path))
    assert source.targets.tolist() == [*range(50, 70)]
    assert (source.given_test, len(source.labels)) == (0, 100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(3073 * 2 - 1), r"found 6,145 bytes; a multiple of 3,073"),
        (b"", "found 0 bytes"),
        (b"\x0b" + bytes(3072), "found label 11 in image 0; 0 to 9 are accepted"),
    ],
)
def test_files_that_are_not_sound(tmp_path: Path, content: bytes, message: str) -> None:
    (written(tmp_path) / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"data_batch_2\.bin: {message}"):
        cifar10(Place(path=tmp_path))


def test_the_pickled_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match=r"found data_batch_1, a pickle, which may run code.* binary version"):
        cifar10(Place(path=tmp_path))


def test_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    written(folder)
    (tmp_path / "secret").write_bytes(bytes(3073))
    (folder / "data_batch_3.bin").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"data_batch_3\.bin: leads out of"):
        cifar10(Place(path=folder))


def test_too_large_for_the_bound(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="up to 1e-06 GiB is accepted"):
        cifar10(Place(path=written(tmp_path), max_gib=1e-6))
