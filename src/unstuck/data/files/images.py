"""Pictures into pixels by Pillow, which is optional: ``pip install 'unstuck[images]'``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.errors import DataError
from unstuck.optional import require

__all__ = ["ENDINGS", "pixels"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")

ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"))

GREY = frozenset(("1", "L", "I", "I;16", "F", "LA"))


def pixels(place: Place, pictures: Iterable[tuple[str, Path | bytes]]) -> NDArray[np.uint8]:
    """Decode pictures: one channel where all are grey, else red, green and blue.

    Args:
        place: Its ``size`` is what they are brought to; without it they must be of one size.
        pictures: The name of each, for messages, and its file or content.

    Returns:
        (N, C, H, W).

    Raises:
        MissingPackageError: Pillow is not installed.
        DataError: A picture is damaged or of another format or size, or all together are too large.
    """
    pillow = require("PIL.Image", extra="images", purpose=f"the pictures of {place.path}")
    found: list[NDArray[np.uint8]] = []
    size: tuple[int, int] | None = place.size
    taken, colour = 0, False
    for name, content in pictures:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; how large one may be is decided below, before it is unpacked.
            warnings.simplefilter("ignore")
            picture, grey = _picture(place, pillow, name, content)
        height, width = picture.shape[:2]
        if size is not None and (height, width) != size:
            raise DataError(
                f"{name}: found a picture of {height} x {width}, those before it are {size[0]} x {size[1]}; give "
                "data.size = [height, width] to bring them to one size"
            )
        size, colour = (height, width), colour or not grey
        found.append(picture)
        taken += picture.nbytes
        place.fits(place.path, taken)
    if not found:
        raise DataError(f"{place.path}: found no picture; {', '.join(FORMATS)} are accepted")
    whole = np.stack(found).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(whole if colour else whole[:, :1])


def _picture(place: Place, pillow: Any, name: str, content: Path | bytes) -> tuple[NDArray[np.uint8], bool]:
    """A picture as (H, W, 3), and whether it has no colour."""
    stream = BytesIO(content) if isinstance(content, bytes) else content
    try:
        with pillow.open(stream, formats=FORMATS) as picture:
            # Only the header has been read so far.
            place.fits(name, picture.width * picture.height * 4)
            grey = picture.mode in GREY
            small = picture.convert("RGB")
            if place.size is not None:
                small = small.resize((place.size[1], place.size[0]), pillow.Resampling.BILINEAR)
            return np.asarray(small, dtype=np.uint8), grey
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, pillow.DecompressionBombError) as error:
        raise DataError(f"{name}: cannot be read ({error}); a whole {', '.join(FORMATS)} is accepted") from error
