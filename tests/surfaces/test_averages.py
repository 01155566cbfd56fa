from __future__ import annotations

import numpy as np
import pytest

from unstuck.surfaces.averages import BETAS, averages


@pytest.mark.parametrize(("panel", "beta"), list(zip(averages().panels, BETAS, strict=True)))
def test_averages_are_those_of_the_formula(panel, beta):
    curves = {curve.name: curve.values for curve in panel.curves}
    m, plain = 0.0, []
    for x in curves["values"]:
        m = beta * m + (1 - beta) * x
        plain.append(m)
    np.testing.assert_allclose(curves["without"], plain)
    np.testing.assert_allclose(curves["with correction"], plain / (1 - beta ** np.arange(1, 201)))
    assert curves["with correction"][0] == pytest.approx(curves["values"][0])
