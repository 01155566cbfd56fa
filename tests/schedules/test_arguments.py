import numpy as np
import pytest
import torch

from unstuck.schedules import arguments


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5])
def test_number_out_of_range(value):
    with pytest.raises(ValueError, match=r"gamma must be finite and at least 0, at most 1, got"):
        arguments.number("gamma", value, most=1.0)


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], 1j])
def test_number_of_wrong_type(value):
    with pytest.raises(TypeError, match="rate must be a number, got"):
        arguments.number("rate", value)


def test_open_bound():
    assert arguments.number("factor", np.float32(0.5), below=1.0) == 0.5
    with pytest.raises(ValueError, match=r"below 1, got 1.0"):
        arguments.number("factor", 1, below=1.0)


@pytest.mark.parametrize("value", [2.0, "2", True, None])
def test_count_of_wrong_type(value):
    with pytest.raises(TypeError, match="steps must be a whole number"):
        arguments.count("steps", value)


@pytest.mark.parametrize("value", ["low", None, torch.zeros(2)])
def test_metric_of_wrong_type(value):
    with pytest.raises(TypeError, match="metrics must be a number or a tensor of one element"):
        arguments.metric("metrics", value)


@pytest.mark.parametrize("value", [1, 1.0, torch.tensor([1.0]), np.float64(1), np.ones(())])
def test_metric(value):
    assert arguments.metric("metrics", value) == 1.0


@pytest.mark.parametrize("value", [np.int64(3), np.int32(3)])
def test_integers_of_numpy_are_counts(value):
    counted = arguments.count("steps", value)
    assert counted == 3
    assert type(counted) is int  # a state dict of it is read back with weights_only=True
