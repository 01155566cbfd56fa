"""Directions of the size of each filter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.linalg import vector_norm as norm

from unstuck.curvature import Landscape
from unstuck.errors import ArgumentError
from unstuck.landscape import filter_directions


def landscape(model: nn.Module, *shape: int) -> Landscape:
    x = torch.randn(8, *shape)
    return Landscape.of(model, lambda out, _: out.square().mean(), [(x, torch.zeros(8))], dtype=torch.float32)


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)
        self.back = nn.ConvTranspose2d(6, 4, 3, groups=2)
        self.plane = nn.LayerNorm([4, 8, 8])
        self.head = nn.Linear(256, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.plane(self.back(self.norm(self.conv(x)))).flatten(1))


def test_each_filter_has_the_norm_of_the_weights():
    model = Everything()
    first, second = filter_directions(landscape(model, 3, 8, 8))
    for name, dims in (("conv.weight", (1, 2, 3)), ("head.weight", (1,))):
        w = model.get_parameter(name).detach()
        torch.testing.assert_close(norm(first[name], dim=dims), norm(w, dim=dims))
    w, d = (
        model.back.weight.detach(),
        first["back.weight"],
    )  # two groups: inputs 0-2 and 3-5
    for group in (slice(0, 3), slice(3, 6)):
        torch.testing.assert_close(norm(d[group], dim=(0, 2, 3)), norm(w[group], dim=(0, 2, 3)))
    assert not torch.equal(first["head.weight"], second["head.weight"])


def test_biases_and_normalisation_stay():
    (direction,) = filter_directions(landscape(Everything(), 3, 8, 8), count=1)
    for name in ("conv.bias", "norm.weight", "norm.bias", "plane.weight", "plane.bias", "head.bias"):
        assert not direction[name].any(), name


def test_a_filter_of_zeros_stays_and_the_others_move():
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight[0] = 0.0
    (direction,) = filter_directions(landscape(model, 4), count=1)
    assert not direction["weight"][0].any()
    assert direction["weight"][1].any()


def test_the_seed_decides():
    place = landscape(nn.Linear(4, 2), 4)
    (a,), (b,), (c,) = (filter_directions(place, count=1, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(a["weight"], b["weight"])
    assert not torch.equal(a["weight"], c["weight"])


@pytest.mark.parametrize("zero", [True, False])
def test_nothing_to_move_is_refused(zero):
    model = nn.Linear(4, 2) if zero else nn.BatchNorm1d(4)
    if zero:
        nn.init.zeros_(model.weight)
    with pytest.raises(ArgumentError, match="no direction to look along"):
        filter_directions(landscape(model, 4))
