from __future__ import annotations

import torch

from unstuck.observe.tensors.fetched import fetched


def test_numbers_come_in_the_order_of_their_tensors_whatever_their_types_and_shapes() -> None:
    tensors = [torch.arange(6).reshape(2, 3), torch.tensor(0.5), torch.empty(0), torch.tensor([True, False])]
    assert fetched(tensors) == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.5], [], [1.0, 0.0]]
    assert fetched([]) == []
