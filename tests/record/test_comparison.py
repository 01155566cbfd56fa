from dataclasses import FrozenInstanceError

import pytest

from unstuck.record.comparison import Chart, Strand


def test_a_chart_is_data_that_nobody_changes() -> None:
    chart = Chart(title="t", across="x", up="y", strands=(Strand(name="a", x=(1.0,), y=(2.0,)),))
    assert not chart.log
    with pytest.raises(FrozenInstanceError):
        chart.title = "other"  # type: ignore[misc]
