import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from unstuck.data import prepare
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


def test_folders_train_and_test(tmp_path: Path) -> None:
    written(tmp_path / "train")
    written(tmp_path / "val", count=1)
    written(tmp_path / "test", count=2)
    data = prepare(folder(Place(path=tmp_path)))
    assert (len(data.test), len(data.train) + len(data.validation)) == (4, 10)
    (tmp_path / "test" / "cat").mkdir()
    (tmp_path / "test" / "ant" / "0.png").rename(tmp_path / "test" / "cat" / "0.png")
    with pytest.raises(DataError, match="cat: there is no such class to train on"):
        folder(Place(path=tmp_path))


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
