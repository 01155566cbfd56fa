"""Bring what an example consists of, and what is asked for it, into a few numbers each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SERIES", "PairedRows", "numbers_of_each", "one_number_each"]

VALUES = 256
"""Values of an example that are kept, evenly spread over it; of ids, how often each occurs, folded to as many."""

BESIDE = 32
"""Values that are kept of each further part of an example."""

MOST_PARTS = 4
TARGETS = 128
"""Values of a target that are kept, evenly spread over it."""

POSITIONS = 32
"""Positions at which inputs and targets are compared with each other, such as pixels or time steps."""

CHANNELS = 4
FEWEST_POSITIONS = 8
"""Examples that have all classes once each by chance in 8! / 8^8 = 0.2% of batches."""

SERIES = 3
"""Axes of a batch of series: examples, time steps and features."""

IDS = (torch.int32, torch.int64)
PAIRS = "an example is a pair, of which the comparison is asked"
OF_IDS = "neighbours among ids need not have like targets"
CONNECTED = "the examples of a batch are connected with each other"


@dataclass(frozen=True)
class PairedRows:
    """N examples with their targets; copies, on the device where they were.

    Attributes:
        values: Shape (N, F).
        targets: Shape (N,) for one number or class each, (N, K) for several.
        conditions: Shape (N, C): parts of a single number each, such as a time step, which the relation may depend on.
        aligned: Inputs and targets at the same positions, shapes (N, C, P) and (N, K, P); None without such.
        classes: Whether several targets are class ids.
    """

    values: Tensor
    targets: Tensor
    conditions: Tensor
    aligned: tuple[Tensor, Tensor] | None = None
    classes: bool = False

    @property
    def layout(self) -> tuple[object, ...]:
        """What batches must agree on to be joined."""
        aligned = () if self.aligned is None else (self.aligned[0].shape[1:], self.aligned[1].shape[1:])
        widths = (self.values.shape[1:], self.targets.shape[1:], self.conditions.shape[1:])
        return (self.classes, self.values.device, self.targets.device, *widths, *aligned)


def one_number_each(inputs: Tensor, target: Tensor, *, most: int) -> PairedRows | None:
    """The first examples of a batch with one number or class id each; None where it is not of this kind.

    Args:
        inputs: Shape (N, ...).
        target: N numbers.
        most: Examples to take.
    """
    if inputs.dim() < 1 or not inputs.numel() or len(inputs) != target.numel():
        return None
    if inputs.is_complex() or target.is_complex() or _counts_the_batch(target):
        return None
    rows = _values(inputs.detach()[:most], VALUES)
    numbers = target.detach().reshape(-1)[: len(rows)].double()
    return PairedRows(rows, numbers, rows.new_zeros(len(rows), 0))


def numbers_of_each(
    parts: Sequence[Tensor], target: Tensor, *, most: int, time_first: bool = False
) -> list[PairedRows | str]:
    """The first examples of a batch with what is asked for each, or in words why they are not comparable.

    Args:
        parts: What examples consist of, the first of shape (N, ...).
        target: Their targets, shape (N, ...), or the same flattened.
        most: Examples to take.
        time_first: Whether the second axis of sequences may be that of examples.

    Returns:
        One entry; of such sequences, one for each way of reading them.
    """
    examples = len(parts[0]) if parts and parts[0].dim() else 0
    if not examples or not target.numel() or target.numel() % examples or target.is_complex():
        return ["inputs and targets do not have as many examples"]
    if len(parts) == 1 and target.numel() == examples:
        return [one_number_each(parts[0], target, most=most) or "the targets are positions in the batch"]
    parts = [part for part in parts if part.dim() and len(part) == examples and part.numel() and not part.is_complex()]
    if not parts or len(parts) > MOST_PARTS:
        return ["an example has too many parts"]
    target = target.reshape(target.shape if len(target) == examples else (*_leading(parts[0], target), -1))
    read = [_rows(parts, target, most)]
    if time_first and len(parts) == 1 and parts[0].dim() == SERIES and target.shape[:2] == parts[0].shape[:2]:
        read.append(_rows([parts[0].transpose(0, 1)], target.transpose(0, 1), most))
    return read


def _leading(part: Tensor, target: Tensor) -> tuple[int, ...]:
    """The axes of examples and, where a flattened target has one value for each, of positions."""
    flat = part.dim() > 2 and len(target) == part.shape[0] * part.shape[1]
    return tuple(part.shape[:2]) if flat else (len(part),)


def _rows(parts: Sequence[Tensor], target: Tensor, most: int) -> PairedRows | str:
    whole = [part for part in parts if part.numel() > len(part)]
    single = [part for part in parts if part.numel() == len(part)]
    if not whole:
        whole, single = single, []
    if len(parts) > 1 and any(part.shape == (len(part), len(part)) for part in whole):
        return CONNECTED
    shapes = [part.shape for part in whole if part.numel() > 2 * len(part)]
    if len(set(shapes)) < len(shapes) and target.shape not in shapes:
        return PAIRS
    if whole[0].dtype in IDS:
        return OF_IDS
    first, *others = (part.detach()[:most] for part in whole)
    asked = target.detach()[:most]
    values = torch.cat([_values(first, VALUES), *(_values(other, BESIDE) for other in others)], dim=1)
    numbers = [part.detach()[:most].reshape(-1, 1).float() for part in single]
    flat = asked.reshape(len(asked), -1)
    return PairedRows(
        values,
        _spread(flat, TARGETS).double() if flat.shape[1] > 1 else flat.reshape(-1).double(),
        torch.cat(numbers, dim=1) if numbers else values.new_zeros(len(values), 0),
        _aligned(first, asked),
        not asked.is_floating_point(),
    )


def _aligned(inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor] | None:
    """Inputs of shape (N, C, P) and targets of shape (N, K, P) at the same positions; None where they have none."""
    if inputs.shape == target.shape:
        pair = inputs.reshape(len(inputs), 1, -1), target.reshape(len(inputs), 1, -1)
    elif inputs.dim() < 3:
        return None
    elif inputs.dim() == 3 and target.shape[:2] == inputs.shape[:2]:
        pair = inputs.transpose(1, 2), target.reshape(*target.shape[:2], -1).transpose(1, 2)
    elif target.dim() in (inputs.dim() - 1, inputs.dim()) and target.shape[-(inputs.dim() - 2) :] == inputs.shape[2:]:
        positions = inputs.shape[2:].numel()
        pair = inputs.reshape(*inputs.shape[:2], positions), target.reshape(len(target), -1, positions)
    else:
        return None
    return _some(pair[0]).float(), _some(pair[1]).float()


def _some(rows: Tensor) -> Tensor:
    rows = rows[:, :: -(-rows.shape[1] // CHANNELS)]
    return rows[:, :, :: -(-rows.shape[2] // POSITIONS)].clone()


def _values(batch: Tensor, most: int) -> Tensor:
    """Shape (N, at most as many), a copy."""
    flat = batch.reshape(len(batch), -1)
    if flat.dtype not in IDS:  # those are ids; bytes are pixels
        return _spread(flat, most).float().clone()
    counts = torch.zeros(len(flat), most, device=flat.device)
    return counts.scatter_add_(1, flat.long().remainder(most), torch.ones_like(flat, dtype=torch.float32))


def _spread(flat: Tensor, most: int) -> Tensor:
    return flat[:, :: -(-flat.shape[1] // most)]


def _counts_the_batch(target: Tensor) -> bool:
    """Whether class ids count the examples of the batch, in any order, as where each is to be told from the others."""
    ids = target.detach().reshape(-1)
    if ids.is_floating_point() or ids.dtype == torch.bool or len(ids) < FEWEST_POSITIONS:
        return False
    return torch.equal(ids.sort().values, torch.arange(len(ids), dtype=ids.dtype, device=ids.device))
