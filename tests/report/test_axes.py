import pytest

from unstuck.report.axes import Axis


def test_the_ends_lie_at_the_ends() -> None:
    axis = Axis.over([2.0, 10.0], 100, 500, log=False)
    assert (axis.at(2.0), axis.at(6.0), axis.at(10.0)) == (100, 300, 500)


def test_a_logarithmic_axis_ends_at_powers_of_ten() -> None:
    axis = Axis.over([0.02, 30.0], 0, 400, log=True)
    assert [tick.text for tick in axis.ticks()] == ["1e-2", "1e-1", "1e0", "1e1", "1e2"]
    assert axis.at(1.0) == 200


@pytest.mark.parametrize(("high", "texts"), [(10.0, ["0", "2", "4", "6", "8", "10"]), (3.0, ["0", "1", "2", "3"])])
def test_round_numbers_are_written(high: float, texts: list[str]) -> None:
    assert [tick.text for tick in Axis.over([0.0, high], 0, 100, log=False).ticks()] == texts


@pytest.mark.parametrize("log", [True, False])
def test_one_value_has_an_axis_too(log: bool) -> None:
    axis = Axis.over([1.0, 1.0], 0, 100, log=log)
    assert axis.at(1.0) == 50
    assert axis.ticks()
