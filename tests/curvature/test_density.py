from __future__ import annotations

import pytest
import torch

from unstuck.curvature import density


def test_shares_and_density_are_those_of_the_spectrum() -> None:
    values = torch.cat([torch.linspace(-2, -1, 50), torch.linspace(3, 5, 150)]).double()
    found = density(lambda v: values * v, 200, probes=20)
    assert sum(found.weights) == pytest.approx(1.0)
    assert found.share(high=0.0) == pytest.approx(0.25, abs=0.03)
    assert found.share(3.0, 4.0) == pytest.approx(0.375, abs=0.05)
    width = 0.3
    exact = float(torch.exp(-0.5 * ((4.0 - values) / width) ** 2).mean()) / (width * 6.283185307**0.5)
    assert found.at(4.0, width) == pytest.approx(exact, rel=0.1)
