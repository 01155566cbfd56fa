from __future__ import annotations

import struct
import zlib

import numpy as np

from unstuck.report.png import data_address, encode


def decode(data: bytes) -> np.ndarray:
    """A second, independent reading of the format: every chunk's checksum, the header, the rows."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 6)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 4)


def test_an_image_survives_the_way_there_and_back() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    assert (decode(encode(image)) == image).all()
    assert data_address(image).startswith("data:image/png;base64,iVBOR")
