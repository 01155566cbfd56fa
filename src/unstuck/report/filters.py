"""The filters of the first layer as images.

Shapes: U units, C channels, H height, W width, F features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run
from unstuck.report.png import data_address
from unstuck.report.wording import Words

__all__ = ["NAME", "FilterImage", "Filters", "draw", "filters"]

NAME = "filters"
"""Name of the arrays of a run that hold the first layer's weights."""
TILES = 64
"""Filters drawn of each snapshot."""
FEATURES = 1024
"""Columns of a matrix of weights that is drawn as it stands."""
SNAPSHOTS = 4

NEGATIVE, ZERO, POSITIVE = (np.array(c, np.float64) for c in ((33, 102, 172), (247, 246, 242), (191, 91, 23)))
GAP = 1
"""Transparent pixels between tiles; those of enlarged tiles are a third of a weight apart."""
SIDE = 24
"""Pixels that a tile should have at least."""


@dataclass(frozen=True)
class FilterImage:
    """The filters at one step, as the address of an image."""

    step: int
    address: str
    width: int
    height: int
    label: str
    alternative: str


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The figure of first-layer filters: images by step, and how to read their colours; or why there are none."""

    images: tuple[FilterImage, ...] = ()
    scale: str = ""
    notes: tuple[str, ...] = ()
    missing: str = ""


def filters(run: Run, words: Words) -> Filters:
    """Images of the first layer's weights at up to four steps, the first and the last among them."""
    stored = [(step, array) for step, array in run.arrays(NAME) if array.size and array.ndim in (2, 3, 4, 5)]
    if not stored:
        return Filters(missing=words.say("filters.missing"))
    finite = [(step, array) for step, array in stored if np.isfinite(array).all()]
    if not finite:
        return Filters(missing=words.say("filters.nonfinite", step=f"{stored[0][0]:,}"))
    broken = [words.say("filters.nonfinite", step=f"{s:,}") for s, a in stored if not np.isfinite(a).all()]
    chosen = sorted({round(p) for p in np.linspace(0, len(finite) - 1, SNAPSHOTS).tolist()})
    images: list[FilterImage] = []
    shown, count, scale = 0, 0, ""
    for step, array in (finite[position] for position in chosen):
        picture, scale, shown, count = draw(array)
        label = words.say("filters.step", step=f"{step:,}") if step else words.say("filters.first")
        alternative = words.say("filters.alt", step=f"{step:,}")
        height, width, _ = picture.shape
        images.append(FilterImage(step, data_address(picture), width, height, label, alternative))
    if shown < count:
        broken.append(words.say("filters.some", shown=shown, count=count))
    return Filters(images=tuple(images), scale=words.say(f"filters.{scale}"), notes=tuple(broken))


def draw(weights: NDArray[np.float32]) -> tuple[NDArray[np.uint8], str, int, int]:
    """Draw weights as tiles.

    Args:
        weights: Shape (U, C, H, W) of a convolution (one or three channels make one tile a unit, others one tile a
            channel); (U, C, W) of a convolution over time (one tile a unit, a row a channel); (U, F) of a linear layer,
            whose features make a square image, a square image in three channels, or else one row of a matrix.

    Returns:
        The picture with its opacity, shape (height, width, 4); its scale (signed, colour or matrix); how many filters
        are drawn; how many there are.
    """
    units = len(weights)
    if weights.ndim == 2:
        image = _as_image(weights)
        if image is None:
            shown = weights[:TILES, :FEATURES].astype(np.float64)
            return _grid([_signed(shown, float(np.abs(shown).max()))]), "matrix", len(shown), units
        weights = image
    if weights.ndim == 3:
        weights = weights[:, None]
    if weights.ndim == 5:
        weights = weights.reshape(units, -1, *weights.shape[-2:])
    if weights.shape[1] == 3:
        tiles = [_coloured(unit.astype(np.float64)) for unit in weights[:TILES]]
        return _grid(tiles), "colour", len(tiles), units
    flat = weights.reshape(-1, *weights.shape[2:])
    tiles = [_signed(tile, float(np.abs(tile).max())) for tile in flat[:TILES].astype(np.float64)]
    return _grid(tiles), "signed", len(tiles), len(flat)


def _as_image(weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
    units, features = weights.shape
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side > 2 and channels * side * side == features:
            return weights.reshape(units, channels, side, side)
    return None


def _signed(values: NDArray[np.float64], largest: float) -> NDArray[np.uint8]:
    """Blue below zero, orange above, pale at zero; shape (H, W) to (H, W, 3)."""
    share = (values / largest if largest > 0 else np.zeros_like(values))[..., None]
    ends = np.where(share < 0, NEGATIVE, POSITIVE)
    return np.round(ZERO + np.abs(share) * (ends - ZERO)).astype(np.uint8)


def _coloured(unit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Red, green and blue from the smallest weight to the largest; shape (3, H, W) to (H, W, 3)."""
    low, high = unit.min(), unit.max()
    level = (unit - low) / (high - low) if high > low else np.full_like(unit, 0.5)
    return np.round(255 * level).astype(np.uint8).transpose(1, 2, 0)


def _grid(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Tiles side by side, enlarged where they are small, with transparent pixels between them."""
    zoom = max(1, math.ceil(SIDE / max(tiles[0].shape[:2])))
    height, width = (zoom * size for size in tiles[0].shape[:2])
    gap = GAP if zoom == 1 else zoom // 3 + 1
    columns = math.ceil(math.sqrt(len(tiles) * (height + gap) / (width + gap)))
    rows = math.ceil(len(tiles) / columns)
    picture = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for position, tile in enumerate(tiles):
        top, left = position // columns * (height + gap), position % columns * (width + gap)
        area = picture[top : top + height, left : left + width]
        area[..., :3] = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
        area[..., 3] = 255
    return picture
