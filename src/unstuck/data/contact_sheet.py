"""Pictures before and after augmentation, on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.errors import ArgumentError, RunWriteError
from unstuck.optional import require

__all__ = ["contact_sheet", "write_contact_sheet"]

COLUMNS = 8

GAP = 2  #: pixels between pictures

WHITE = 255

SIDE = 64  #: pixels that small pictures are enlarged to, at least


def contact_sheet(before: Tensor, after: Tensor) -> NDArray[np.uint8]:
    """Rows of eight pictures, each followed by the same ones changed.

    Args:
        before: Pictures with values 0 to 1, (N, C, H, W); of one channel they are grey, else the first three are taken.
        after: The same, changed.

    Returns:
        (height, width, 3).

    Raises:
        ArgumentError: They are no pictures, or of different shapes.

    Examples:
        >>> import torch
        >>> contact_sheet(torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64)).shape
        (134, 134, 3)
    """
    if before.shape != after.shape or before.ndim != 4 or not len(before):
        raise ArgumentError(
            f"before, after: pictures of one shape (N, C, H, W) are accepted, got {tuple(before.shape)} and "
            f"{tuple(after.shape)}"
        )
    pairs = [_pixels(values) for values in (before, after)]
    columns = min(COLUMNS, len(before))
    height, width = pairs[0].shape[1:3]
    lines = -(-len(before) // columns)
    sheet = np.full((2 * lines * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), WHITE, dtype=np.uint8)
    for changed, pictures in enumerate(pairs):
        for number, picture in enumerate(pictures):
            line, column = divmod(number, columns)
            top, left = GAP + (2 * line + changed) * (height + GAP), GAP + column * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def write_contact_sheet(file: Path, before: Tensor, after: Tensor) -> None:
    """Write the sheet as PNG.

    Raises:
        ArgumentError: They are no pictures, or of different shapes.
        MissingPackageError: Pillow is not installed.
        RunWriteError: The file cannot be written.
    """
    pillow: Any = require("PIL.Image", extra="augment", purpose="a contact sheet")
    sheet = contact_sheet(before, after)
    try:
        pillow.fromarray(sheet).save(file, format="PNG")
    except OSError as error:
        raise RunWriteError(f"{file}: the contact sheet cannot be written ({error}); choose another folder") from error


def _pixels(values: Tensor) -> NDArray[np.uint8]:
    """(N, H, W, 3), enlarged by whole numbers."""
    coloured = values[:, :3] if values.shape[1] >= 3 else values[:, :1].expand(-1, 3, -1, -1)
    times = max(-(-SIDE // max(values.shape[2:])), 1)
    bytes_: NDArray[np.uint8] = (coloured.float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    return bytes_.transpose(0, 2, 3, 1).repeat(times, axis=1).repeat(times, axis=2)
