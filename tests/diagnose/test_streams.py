import io
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unstuck.diagnose.streams import StandardError


@contextmanager
def begun(tmp_path: Path) -> Generator[StandardError]:
    """Of a process whose standard error is a file; it is put back afterwards."""
    kept = os.dup(2)
    file = os.open(tmp_path / "stderr", os.O_RDWR | os.O_CREAT)
    os.dup2(file, 2)
    try:
        yield StandardError()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(file)


def test_what_is_written_arrives(tmp_path: Path) -> None:
    with begun(tmp_path) as stderr:
        with stderr.open() as file:
            file.write("said \N{CHECK MARK}")
        assert (tmp_path / "stderr").read_bytes().startswith(b"said ")
        os.fstat(2)  # the descriptor is not ours to close


def test_another_file_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    with begun(tmp_path) as stderr:
        other = os.open(tmp_path / "data", os.O_RDWR | os.O_CREAT)
        os.dup2(other, 2)
        with stderr.open() as file:
            file.write("said")
        assert isinstance(file, io.StringIO)
        assert (tmp_path / "data").read_bytes() == b""


def test_a_pipe_in_its_place_is(tmp_path: Path) -> None:
    with begun(tmp_path) as stderr:
        end, other = os.pipe()
        os.dup2(other, 2)
        with stderr.open() as file:
            file.write("said")
        assert os.read(end, 9) == b"said"


@pytest.mark.parametrize("device", ["full", "broken"])
def test_a_reader_who_is_gone_and_a_disk_that_is_full_cost_nothing(device: str, tmp_path: Path) -> None:
    with begun(tmp_path) as stderr:
        if device == "full":
            other = os.open("/dev/full", os.O_WRONLY)
        else:
            end, other = os.pipe()
            os.close(end)
        os.dup2(other, 2)
        with stderr.open() as file:
            file.write("said" * 10_000)
            file.flush()
