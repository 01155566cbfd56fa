import math

import pytest
import torch

from unstuck.find_lr.trainer import Trial, bound_by, momentum_of, rates_of, ratios_of, set_rates


def weights(count: int) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(1)) for _ in range(count)]


def test_the_end_of_a_trial_is_the_mean_of_its_last_quarter() -> None:
    assert Trial((0.1,) * 8, tuple(map(float, range(8)))).end() == 6.5
    assert Trial((0.1,), (3.0,)).end() == 3.0
    assert Trial((0.1,) * 2, (3.0, math.nan)).end() == math.inf
    assert not Trial((), ()).finite


def test_the_bound_is_a_hundred_times_the_largest_loss_at_the_start() -> None:
    assert bound_by(Trial((0.0,) * 3, (1.0, -4.0, 2.0))) == 400.0
    assert bound_by(Trial((), ())) == math.inf


def test_groups_keep_their_ratio() -> None:
    a, b = weights(2)
    optimizer = torch.optim.SGD([{"params": [a], "lr": 0.2}, {"params": [b], "lr": 0.05}])
    set_rates(optimizer, 1.0, ratios_of(optimizer))
    assert [group["lr"] for group in optimizer.param_groups] == [1.0, 0.25]


def test_the_rate_of_a_warm_up_is_the_one_that_it_leads_to() -> None:
    optimizer = torch.optim.SGD(weights(1), lr=0.1)
    torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)
    assert rates_of(optimizer) == [0.1]


def test_a_rate_that_is_a_tensor_stays_that_tensor() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam(weights(1), lr=rate, capturable=False, foreach=False)
    set_rates(optimizer, 0.5, [1.0])
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5


def test_momentum_is_known_under_both_names() -> None:
    assert momentum_of(torch.optim.SGD(weights(1), lr=0.1, momentum=0.8)) == 0.8
    assert momentum_of(torch.optim.AdamW(weights(1), betas=(0.7, 0.99))) == 0.7
    assert momentum_of(torch.optim.Adagrad(weights(1))) == 0.0
