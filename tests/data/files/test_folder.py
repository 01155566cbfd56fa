import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from unstuck.data import prepare
from unstuck.data.dataset import Part
from unstuck.data.files import Place
from unstuck.data.files.folder import folder
from unstuck.errors import DataError

Image = pytest.importorskip("PIL.Image")
RANDOM = np.random.default_rng(0)


def written(home: Path, *, count: int = 4, shape: tuple[int, ...] = (6, 5, 3)) -> Path:
    for kind in ("ant", "bee"):
        (home / kind).mkdir(parents=True)
        for number in range(count):
            values = RANDOM.integers(0, 256, size=shape).astype(np.uint8)
            Image.fromarray(values).save(home / kind / f"{number}.png")
    return home


def test_each_folder_is_a_class(tmp_path: Path) -> None:
    home = written(tmp_path / "insects")
    (home / "ant" / "notes.txt").write_text("no picture")
    source = folder(Place(path=home))
    assert (source.name, source.labels, source.targets.tolist()) == ("insects", ("ant", "bee"), [0] * 4 + [1] * 4)
    first = np.asarray(Image.open(home / "ant" / "0.png"))
    np.testing.assert_array_equal(source.inputs[0], first.transpose(2, 0, 1))


def test_grey_pictures_have_one_channel_and_sizes_can_be_evened_out(tmp_path: Path) -> None:
    home = written(tmp_path / "grey", shape=(6, 6))
    Image.fromarray(np.zeros((9, 3), np.uint8)).save(home / "bee" / "other.png")
    assert folder(Place(path=home, size=(4, 7))).inputs.shape == (9, 1, 4, 7)
    with pytest.raises(DataError, match=r"other\.png: found a picture of 9 x 3, .* give data\.size"):
        folder(Place(path=home))


def raw(home: Path) -> list[list[float]]:
    """All pictures of a folder, in order of their values."""
    pictures = [np.asarray(Image.open(file)).transpose(2, 0, 1) for file in home.rglob("*.png")]
    return sorted(picture.ravel().tolist() for picture in pictures)


def as_read(part: Part) -> list[list[float]]:
    return sorted(part.inputs.flatten(1).tolist())


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_folders_are_the_parts_that_they_are_called(tmp_path: Path, name: str) -> None:
    counts = {"train": 4, name: 3, "test": 2}
    for part, count in counts.items():
        written(tmp_path / part, count=count)
    data = prepare(folder(Place(path=tmp_path)), scale=False)
    for part, read in zip(counts, (data.train, data.validation, data.test), strict=True):
        assert as_read(read) == raw(tmp_path / part)


def test_a_part_without_a_folder_is_drawn_from_the_training_part(tmp_path: Path) -> None:
    written(tmp_path / "train", count=10)
    written(tmp_path / "test", count=2)
    data = prepare(folder(Place(path=tmp_path)), validation=0.2, scale=False)
    assert (len(data.train), len(data.validation)) == (16, 4)
    assert as_read(data.test) == raw(tmp_path / "test")
    (tmp_path / "test").rename(tmp_path / "val")
    data = prepare(folder(Place(path=tmp_path)), test=0.2, scale=False)
    assert (len(data.train), len(data.test)) == (16, 4)
    assert as_read(data.validation) == raw(tmp_path / "val")


@pytest.mark.parametrize("part", ["val", "test"])
def test_classes_that_nothing_is_trained_on(tmp_path: Path, part: str) -> None:
    written(tmp_path / "train")
    written(tmp_path / part)
    (tmp_path / part / "ant").rename(tmp_path / part / "cat")
    with pytest.raises(DataError, match=f"{part}/cat: there is no such class to train on"):
        folder(Place(path=tmp_path))


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_part_whose_pictures_have_no_class(tmp_path: Path, part: str) -> None:
    written(tmp_path / "train")
    (written(tmp_path / "spare") / "ant").rename(tmp_path / part)
    with pytest.raises(DataError, match=f"{part}: found no pictures in folders; .* or no folder {part}"):
        folder(Place(path=tmp_path))


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "bee").rename(tmp_path / "train")
    source = folder(Place(path=tmp_path))
    assert (source.labels, source.given_validation, source.given_test) == (("ant", "train"), 0, 0)


def bomb() -> bytes:
    """A PNG whose header promises more pixels than there is memory."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "cannot be read"),
        (lambda whole: b"GARBAGE", "cannot be read"),
        (lambda whole: b"", "cannot be read"),
        (lambda whole: bomb(), "accepted"),
    ],
)
def test_pictures_that_are_not_sound(tmp_path: Path, spoil: object, message: str) -> None:
    file = written(tmp_path / "home") / "bee" / "2.png"
    file.write_bytes(spoil(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=rf"2\.png: .*{message}"):
        folder(Place(path=tmp_path / "home"))


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    home = written(tmp_path / "home")
    secret = tmp_path / "secret.png"
    (home / "ant" / "0.png").rename(secret)
    (home / "ant" / "0.png").symlink_to(secret)
    with pytest.raises(DataError, match=r"0\.png: leads out of"):
        folder(Place(path=home))


def test_a_folder_that_leads_elsewhere(tmp_path: Path) -> None:
    home = written(tmp_path / "home")
    written(tmp_path / "elsewhere")
    (home / "wasp").symlink_to(tmp_path / "elsewhere" / "ant")
    with pytest.raises(DataError, match="leads out of"):
        folder(Place(path=home))


def test_too_few_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no pictures in folders"):
        folder(Place(path=tmp_path))
    with pytest.raises(DataError, match="found nothing; a folder that holds one folder of pictures"):
        folder(Place(path=tmp_path / "gone"))
