"""Each threshold divides a recorded run: set just on one side of a measured number its rule fires, on the other not."""

from __future__ import annotations

import pytest

from tests.rules.thresholds import holds, stored, thresholds


@pytest.mark.parametrize(("code", "name"), list(thresholds()))
def test_a_threshold_turns_at_the_measured_number(code: str, name: str) -> None:
    turn = stored().get((code, name))
    assert turn is not None, f"{code}.{name}: no run is known that it divides; python -m tests.rules.thresholds"
    assert holds(code, name, turn), f"{code}.{name} no longer turns at {turn.at:g} of {turn.run}"
