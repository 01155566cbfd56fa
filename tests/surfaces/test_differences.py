from __future__ import annotations

import numpy as np

from unstuck.surfaces.differences import errors, step_size


def test_errors_fall_as_the_order_says_and_then_rise_with_rounding():
    centred, one_sided = errors(np.float64, centred=True), errors(np.float64, centred=False)
    assert np.all(np.abs(np.log10(centred[:3] / centred[1:4]) - 2) < 0.2)
    assert np.all(np.abs(np.log10(one_sided[:5] / one_sided[1:6]) - 1) < 0.2)
    assert centred.min() < 1e-9 < 1e-3 < centred[-1]
    assert 1e-10 < one_sided.min() < 1e-6


def test_float32_has_no_step_that_is_good_enough():
    assert errors(np.float32, centred=True).min() > 1e-7
    assert np.all(errors(np.float32, centred=True)[8:] > 0.5)


def test_the_sheet_names_the_best_steps():
    sheet = step_size()
    assert sheet.remarks[0].startswith("h = 1e-6,")
    assert len(sheet.panels[0].curves) == 3
