"""What is kept of examples and their targets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.paired_rows import PairedRows, numbers_of_each, one_number_each


def rows(parts: list[Tensor], target: Tensor) -> PairedRows:
    found = numbers_of_each(parts, target, most=1000)[0]
    assert isinstance(found, PairedRows), found
    return found


def test_one_number_or_class_each() -> None:
    found = one_number_each(torch.randn(40, 3, 20, 20), torch.arange(40).float(), most=30)
    assert found is not None
    assert found.values.shape[0] == 30
    assert found.values.shape[1] <= 256
    assert found.targets.tolist() == list(range(30))
    assert one_number_each(torch.randn(40, 3), torch.randn(40, 2), most=30) is None
    assert one_number_each(torch.randn(64, 3), torch.randperm(64), most=64) is None  # who is whose partner


@pytest.mark.parametrize(
    ("inputs", "target", "aligned"),
    [
        ((8, 6), (8, 6), ((8, 1, 6), (8, 1, 6))),
        ((8, 3, 4, 5), (8, 4, 5), ((8, 3, 20), (8, 1, 20))),
        ((8, 3, 4, 5), (8, 2, 4, 5), ((8, 3, 20), (8, 2, 20))),
        ((8, 7, 3), (8, 7), ((8, 3, 7), (8, 1, 7))),
        ((8, 7, 3), (8, 7, 2), ((8, 3, 7), (8, 2, 7))),
        ((8, 7, 3), (56, 2), ((8, 3, 7), (8, 2, 7))),
        ((8, 3, 7), (8, 2, 7), ((8, 3, 7), (8, 2, 7))),
        ((8, 6), (8, 5), None),
        ((8, 7, 3), (8, 5), None),
    ],
)
def test_positions_that_inputs_and_targets_share(
    inputs: tuple[int, ...], target: tuple[int, ...], aligned: tuple[tuple[int, ...], ...] | None
) -> None:
    found = rows([torch.randn(inputs)], torch.randn(target))
    shapes = None if found.aligned is None else tuple(tuple(one.shape) for one in found.aligned)
    assert shapes == (aligned if aligned is None else tuple((n, c, -(-p // -(-p // 32))) for n, c, p in aligned))


def test_what_stands_at_a_position_stays_there() -> None:
    images = torch.randn(8, 3, 16, 16)
    found = rows([images], images[:, 1] * 2)
    assert found.aligned is not None
    inputs, targets = found.aligned
    assert torch.equal(inputs[:, 1] * 2, targets[:, 0])


def test_single_numbers_are_conditions_and_further_parts_stand_beside() -> None:
    noisy, time, text = torch.randn(8, 6), torch.arange(8), torch.randn(8, 100)
    found = rows([noisy, time, text], torch.randn(8, 6))
    assert torch.equal(found.conditions, time[:, None].float())
    assert found.values.shape[1] <= 6 + 32
    coordinates = rows([torch.rand(8, 1), torch.rand(8, 1)], torch.randn(8, 3))
    assert (coordinates.values.shape[1], coordinates.conditions.shape[1]) == (2, 0)


@pytest.mark.parametrize(
    ("parts", "target", "words"),
    [
        ([(8, 6)], (9, 2), "as many examples"),
        ([(8, 6), (8, 6)], (8,), "pair"),
        ([(20, 6), (20, 20)], (20, 3), "connected"),
        ([(8, 2)] * 5, (8, 3), "too many parts"),
    ],
)
def test_what_cannot_be_compared(parts: list[tuple[int, ...]], target: tuple[int, ...], words: str) -> None:
    (reason,) = numbers_of_each([torch.randn(shape) for shape in parts], torch.randn(target), most=100)
    assert isinstance(reason, str)
    assert words in reason


def test_ids_with_several_targets_are_passed_by() -> None:
    (reason,) = numbers_of_each([torch.zeros(8, 6, dtype=torch.int64)], torch.randn(8, 6), most=100)
    assert isinstance(reason, str)
    assert "ids" in reason


def test_a_sequence_is_read_with_either_axis_first() -> None:
    series, target = torch.randn(8, 7, 3), torch.randn(8, 7, 2)
    assert len(numbers_of_each([series], target, most=100)) == 1
    first, second = numbers_of_each([series], target, most=100, time_first=True)
    assert isinstance(first, PairedRows)
    assert isinstance(second, PairedRows)
    assert (len(first.values), len(second.values)) == (8, 7)
