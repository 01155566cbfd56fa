import copy

import pytest
import torch
from torch import nn

from unstuck.find_lr.kept import Kept
from unstuck.optim import Adam as OurAdam

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "ours": lambda p: OurAdam(p, lr=0.1),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))


def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    optimizer.zero_grad()
    model(torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("before", [0, 3])
def test_a_training_goes_on_as_if_nothing_had_come_between(name: str, before: int) -> None:
    ends = []
    for disturbed in (False, True):
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters())
        for seed in range(before):
            step(model, optimizer, seed)
        if disturbed:
            kept = Kept([model], optimizer)
            for _ in range(2):
                for seed in range(50, 54):
                    optimizer.param_groups[0]["lr"] = 5.0
                    step(model, optimizer, seed)
                kept.restore()
        for seed in range(before, before + 3):
            step(model, optimizer, seed)
        ends.append((copy.deepcopy(model.state_dict()), optimizer.state_dict()))
    torch.testing.assert_close(ends[0][0], ends[1][0], rtol=0.0, atol=0.0)
    torch.testing.assert_close(ends[0][1], ends[1][1], rtol=0.0, atol=0.0)


def test_objects_that_others_hold_on_to_are_the_same_ones() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    step(model, optimizer, 0)
    first = model[0].weight
    held = (first, first.grad, optimizer.state[first], optimizer.state[first]["exp_avg"], optimizer.param_groups[0])
    gradient = first.grad.clone()
    kept = Kept([model], optimizer)
    kept.forget_gradients()
    step(model, optimizer, 1)
    kept.restore()
    now = (first, first.grad, optimizer.state[first], optimizer.state[first]["exp_avg"], optimizer.param_groups[0])
    assert all(a is b for a, b in zip(held, now, strict=True))
    assert torch.equal(first.grad, gradient)


def test_modes_buffers_and_the_marks_of_a_schedule_come_back() -> None:
    model = network().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    attributes = set(vars(optimizer))
    kept = Kept([model], optimizer)
    model.train()
    step(model, optimizer, 0)
    model[1].register_buffer("extra", torch.ones(1))
    kept.restore()
    assert not any(module.training for module in model.modules())
    assert "extra" not in dict(model.named_buffers(recurse=True))
    assert model[1].num_batches_tracked.item() == 0
    assert set(vars(optimizer)) == attributes
