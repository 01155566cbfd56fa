from __future__ import annotations

import torch

from unstuck.remedies.losses import LOSSES, same_shape


def test_the_names_are_those_of_pytorch() -> None:
    assert all(function.__name__ == name for name, function in LOSSES.items())


def test_only_as_many_numbers_take_another_shape() -> None:
    output = torch.zeros(4, 1)
    assert same_shape(output, torch.zeros(4)).shape == (4,)
    assert same_shape(output, torch.zeros(4, 1)) is output
    assert same_shape(output, torch.zeros(1)) is output
    assert same_shape(output, 3.0) is output
