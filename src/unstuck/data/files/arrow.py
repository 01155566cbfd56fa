"""Arrow streams, read by pyarrow; how large a compressed batch gets is read off its message before it is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unstuck.data.files.place import Place
from unstuck.optional import require

__all__ = ["batches", "unpacked_size"]

# Fields of the tables Message, DictionaryBatch and RecordBatch in their order, and the type of a message's header.
HEADER_TYPE, HEADER = 1, 2
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
DATA = 1
BUFFERS, COMPRESSION = 2, 3


def batches(file: Path, place: Place, *, taken: int = 0) -> Iterator[Any]:
    """The record batches of a stream, each found sound and together not too large.

    Args:
        file: The stream.
        place: What bounds its size.
        taken: Bytes that were taken for other files.

    Raises:
        MissingPackageError: pyarrow is not installed.
        DataError: The batches unpack to too much, which is known before they are.
        pyarrow.ArrowException: The file is no stream, or damaged.
    """
    pyarrow = require("pyarrow", extra="parquet", purpose=f"the Arrow stream {file}")
    ipc = require("pyarrow.ipc", extra="parquet", purpose=f"the Arrow stream {file}")
    with pyarrow.memory_map(str(file)) as memory:
        for message in ipc.MessageReader.open_stream(memory):
            taken += unpacked_size(message.metadata, message.body)
            place.fits(file, taken)
        memory.seek(0)
        with ipc.open_stream(memory) as stream:
            for batch in stream:
                # Offsets that point past the end would be followed later, by code that trusts them.
                batch.validate(full=True)
                yield batch


def unpacked_size(metadata: Any, body: Any) -> int:
    """Bytes that a message's buffers take in memory: each compressed one begins with its size unpacked.

    pyarrow takes as much memory as those eight bytes say, and refuses a buffer that does not unpack to just that.

    Args:
        metadata: The message, a flatbuffer that pyarrow has verified.
        body: Its buffers; None where it has none.

    Source: "Arrow columnar format", sections "Encapsulated message format" and "RecordBatch body compression", with
    the tables of ``Message.fbs``; "FlatBuffer internals" for the layout.
    """
    if body is None:
        return 0
    view, content = memoryview(metadata), memoryview(body)
    message = _pointed(view, 0)
    kind = _field(view, message, HEADER_TYPE)
    if kind is None or view[kind] not in (DICTIONARY_BATCH, RECORD_BATCH):
        return len(content)
    batch = _table(view, message, HEADER)
    if view[kind] == DICTIONARY_BATCH and batch is not None:
        batch = _table(view, batch, DATA)
    if batch is None or _field(view, batch, COMPRESSION) is None:
        return len(content)
    listed = _table(view, batch, BUFFERS)
    return sum(_sizes(view, content, listed)) if listed is not None else 0


def _sizes(view: memoryview, content: memoryview, listed: int) -> Iterator[int]:
    (count,) = struct.unpack_from("<I", view, listed)
    for offset, length in struct.iter_unpack("<qq", view[listed + 4 : listed + 4 + 16 * count]):
        if length >= 8 and 0 <= offset <= len(content) - 8:
            (unpacked,) = struct.unpack_from("<q", content, offset)
            yield max(unpacked, length)  # -1 marks a buffer that was left as it is


def _table(view: memoryview, table: int, field: int) -> int | None:
    """Where a field of a table points."""
    place = _field(view, table, field)
    return None if place is None else _pointed(view, place)


def _field(view: memoryview, table: int, field: int) -> int | None:
    """Where a field of a table lies; None where it is absent."""
    (back,) = struct.unpack_from("<i", view, table)
    layout = table - back
    (size,) = struct.unpack_from("<H", view, layout)
    entry = 4 + 2 * field
    (offset,) = struct.unpack_from("<H", view, layout + entry) if entry < size else (0,)
    return table + offset if offset else None


def _pointed(view: memoryview, place: int) -> int:
    (offset,) = struct.unpack_from("<I", view, place)
    return place + offset
