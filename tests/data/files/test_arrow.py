import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.data.files import Place
from unstuck.data.files.arrow import batches, unpacked_size
from unstuck.errors import DataError

pyarrow = pytest.importorskip("pyarrow")

ROWS = 200_000


def written(file: Path, codec: str | None, **columns: Any) -> Path:
    table = pyarrow.table(columns)
    options = pyarrow.ipc.IpcWriteOptions(compression=codec)
    with (
        pyarrow.OSFile(str(file), "wb") as sink,
        pyarrow.ipc.new_stream(sink, table.schema, options=options) as stream,
    ):
        stream.write_table(table)
    return file


@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
def test_the_size_unpacked_is_known_before_it_is_unpacked(tmp_path: Path, codec: str | None) -> None:
    zeros, kinds = np.zeros(ROWS), pyarrow.array(["ant", "bee"] * (ROWS // 2)).dictionary_encode()
    file = written(tmp_path / "bomb.arrow", codec, x=zeros, y=kinds)
    with pyarrow.memory_map(str(file)) as memory:
        messages = list(pyarrow.ipc.MessageReader.open_stream(memory))
        sizes = {message.type: unpacked_size(message.metadata, message.body) for message in messages}
    assert sizes["schema"] == 0
    assert 0 < sizes["dictionary"] < 100
    assert sizes["record batch"] == ROWS * (8 + 4)
    before = pyarrow.total_allocated_bytes()
    peak = pyarrow.default_memory_pool().max_memory() or 0
    with pytest.raises(DataError, match=r"bomb\.arrow: unpacks to 0\.00224 GiB; up to 0\.001 GiB is accepted"):
        list(batches(file, Place(path=file, max_gib=0.001)))
    assert pyarrow.total_allocated_bytes() - before < ROWS
    assert (pyarrow.default_memory_pool().max_memory() or 0) - peak < ROWS
    (batch,) = batches(file, Place(path=file))
    np.testing.assert_array_equal(batch["x"], zeros)
    assert batch["y"].to_pylist()[:3] == ["ant", "bee", "ant"]


def test_what_other_files_took_counts(tmp_path: Path) -> None:
    file = written(tmp_path / "a.arrow", "zstd", x=np.zeros(1000))
    with pytest.raises(DataError, match="unpacks to"):
        list(batches(file, Place(path=file, max_gib=0.001), taken=2**20 + 20_000))


def test_a_damaged_stream_is_refused_or_read_but_nothing_else(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.arrow", "lz4", x=np.arange(500.0), y=["ant", "bee"] * 250).read_bytes()
    draw = random.Random(0)
    refused = 0
    for turn in range(300):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        file = tmp_path / f"{turn}.arrow"
        file.write_bytes(damaged[: draw.randrange(8, len(damaged))] if turn % 3 == 0 else damaged)
        try:
            list(batches(file, Place(path=file, max_gib=0.1)))
        except (pyarrow.ArrowException, OSError, DataError):
            refused += 1
    assert refused > 100
