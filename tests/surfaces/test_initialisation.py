"""What flows through ten layers, against what theory says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.surfaces.initialisation import SATURATED, SCHEMES, flow, initialisation


def test_he_keeps_the_signal_of_relu_and_half_of_it_loses_half_a_layer():
    he, lecun = flow("he", nn.ReLU), flow("lecun", nn.ReLU)
    assert 0.3 < he.spread[-1] / he.spread[0] < 3
    ratio = (lecun.spread / he.spread)[[0, -1]]
    np.testing.assert_allclose(ratio, [2**-0.5, 2**-5.0], rtol=1e-6)


def test_unit_weights_saturate_tanh_and_tiny_ones_lose_it():
    normal, small, lecun = (flow(scheme, nn.Tanh) for scheme in ("normal", "small", "lecun"))
    assert normal.saturated.min() > 0.7
    assert lecun.saturated.max() < 0.05
    assert small.spread[-1] == pytest.approx(0.2**10, rel=0.5)  # each layer multiplies by 0.02 times the root of 100
    assert lecun.spread[-1] > 0.1
    assert 0.1 < lecun.gradient[0] < 10


def test_the_generators_stay_where_they_are():
    state = torch.get_rng_state()
    flow("he", nn.ReLU)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_sheet_has_a_curve_for_each_and_says_the_numbers():
    sheet = initialisation()
    assert sheet.names == tuple(SCHEMES)
    assert [len(panel.curves) for panel in sheet.panels] == [5, 5, 3]
    assert str(SATURATED) in sheet.panels[2].read
    for said in (f"{501**0.5:.1f}", f"{1.5**0.5:.2f}"):
        assert said in sheet.text
