"""Which positions of a batch of sequences hold padding?"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["padding_of"]

FEWEST = 4
"""Sequences from which runs of one id at their ends can be told from chance."""

RARE = 0.01
"""Share of the other positions that may hold the id: an end of a sequence is often marked by the id of padding."""

SHORT = 0.3
"""Share of the sequences that have to end in it."""


def padding_of(ids: Tensor, declared: int | None = None) -> Tensor | None:
    """Find the runs of one id by which sequences of several lengths are filled up, at their ends or beginnings.

    Args:
        ids: Shape (examples, positions), or (positions, examples).
        declared: The id of padding, where the layer that reads the ids was given one.

    Returns:
        True where there is padding, in the shape of the ids; None where none is recognised.

    Examples:
        >>> words = torch.tensor([[5, 3, 0, 0, 0], [4, 6, 2, 0, 0], [7, 2, 9, 4, 0], [3, 5, 8, 6, 2]])
        >>> padding_of(words).sum(dim=1).tolist(), padding_of(words.T).shape, padding_of(words[:, :2])
        ([3, 2, 1, 0], torch.Size([5, 4]), None)
    """
    if ids.dim() != 2 or ids.is_floating_point() or ids.dtype == torch.bool or min(ids.shape) < 2:
        return None
    if declared is not None and declared >= 0:
        padded = ids == declared
        return padded if bool(padded.any()) and not bool(padded.all()) else None
    for rows, turned in ((ids, False), (ids.T, True)):
        for backwards in (True, False):
            found = _runs(rows.flip(1) if backwards else rows)
            if found is not None:
                found = found.flip(1) if backwards else found
                return found.T if turned else found
    return None


def _runs(rows: Tensor) -> Tensor | None:
    """Runs of one id that sequences begin with, if they are of several lengths and the id is rare elsewhere.

    Where it marks the other end of all of them, the one nearest to a sequence is its mark too, and no padding.
    """
    if len(rows) < FEWEST:
        return None
    first = rows[:, 0].mode().values
    runs = (rows == first).long().cumprod(dim=1).bool()
    lengths = runs.sum(dim=1)
    several = len(lengths[lengths > 0].unique()) > 1 and int(lengths.max()) > 1
    if not several or float((lengths > 0).double().mean()) < SHORT:
        return None
    begun = bool((rows[:, -1] == first).all())
    others = rows[:, :-1][~runs[:, :-1]] if begun else rows[~runs]
    if not others.numel() or float((others == first).double().mean()) > RARE:
        return None
    if _counts_up(rows.masked_fill(runs, int(others.max()))):
        return None
    return torch.cat([runs[:, :-1] & runs[:, 1:], runs[:, -1:]], dim=1) if begun else runs


def _counts_up(rows: Tensor) -> bool:
    """Whether ids never fall, or never rise: they number segments or positions, and are no tokens."""
    steps = rows.diff(dim=1)
    return bool((steps >= 0).all()) or bool((steps <= 0).all())
