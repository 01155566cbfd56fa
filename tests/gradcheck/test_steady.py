import random
import warnings

import numpy as np
import pytest
import torch

from unstuck.gradcheck.steady import seed_all, steady


def draws() -> tuple[float, float, float]:
    return float(torch.rand(())), random.random(), float(np.random.rand())


def test_one_seed_sets_all_three_generators() -> None:
    with steady(torch.float32):
        seed_all(3)
        first = draws()
        seed_all(3)
        again = draws()
        seed_all(4)
        other = draws()
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("raises", [False, True])
def test_default_type_generators_and_fast_path_are_put_back(raises: bool) -> None:
    seed_all(0)
    expected = draws()
    seed_all(0)
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        with steady(torch.float64):
            assert torch.get_default_dtype() == torch.float64
            assert not torch.backends.mha.get_fastpath_enabled()
            seed_all(7)
            draws()
            if raises:
                raise KeyError
    except KeyError:
        assert raises
    assert torch.get_default_dtype() == torch.float32
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert draws() == expected


def test_gradients_are_on_inside_and_warnings_are_not_passed_on() -> None:
    with torch.no_grad(), steady(torch.float64):
        assert torch.is_grad_enabled()
        warnings.warn("once for each evaluation", stacklevel=1)
    assert torch.is_grad_enabled()
