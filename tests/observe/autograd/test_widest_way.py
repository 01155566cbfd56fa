"""A way that is nowhere narrower than the input is found, and past whatever is narrower."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.widest_way import leads_whole


class Denoiser(nn.Module):
    """Takes rows of eight numbers and a time step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.place, self.time = nn.Linear(8, width), nn.Embedding(10, width)
        self.out = nn.Linear(width, 8)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.out(torch.tanh(self.place(x) + self.time(t)))


class SkipsOver(nn.Module):
    """Pictures made smaller and larger again, with a way past that."""

    def __init__(self, *, skips: bool) -> None:
        super().__init__()
        self.skips = skips
        self.first, self.down = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 32, 3, stride=2, padding=1)
        self.up, self.last = nn.ConvTranspose2d(32, 4, 2, stride=2), nn.Conv2d(8 if skips else 4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.first(x).relu()
        low = self.up(self.down(high).relu())
        return self.last(torch.cat([high, low], 1) if self.skips else low)


@pytest.mark.parametrize(("width", "whole"), [(32, True), (3, False)])
def test_a_narrow_layer_cannot_pass_a_batch(width: int, whole: bool) -> None:
    x = torch.randn(5, 8)
    assert leads_whole(Denoiser(width)(x, torch.arange(5)), x) is whole


@pytest.mark.parametrize("skips", [True, False])
def test_pictures_of_fewer_pixels_cannot_either_however_many_channels_they_have(skips: bool) -> None:
    x = torch.randn(2, 1, 8, 8)
    assert leads_whole(SkipsOver(skips=skips)(x), x) is skips


def test_data_beside_others_are_followed_too() -> None:
    x, layer = torch.randn(5, 8), nn.Linear(11, 16)
    joined = torch.cat([x, nn.Embedding(4, 3)(torch.zeros(5, dtype=torch.long))], dim=1)
    assert leads_whole(nn.Linear(16, 8)(layer(joined)), x)


def test_what_has_no_graph_leads_nowhere() -> None:
    assert not leads_whole(torch.ones(3), torch.ones(3))
