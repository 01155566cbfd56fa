from __future__ import annotations

import torch
from torch import nn

from unstuck.stacked import Stack
from unstuck.sweep.trace import FIRST, Gauge, StackGauge, Trace
from unstuck.train import Epoch, Means


def epoch(number: int, loss: float) -> Epoch:
    return Epoch(number=number, train=Means(loss=loss, accuracy=0.5, examples=10), validation=None)


def test_norms_are_those_of_weights_updates_and_gradients():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    gauge = Gauge(model, steps_per_epoch=40)
    rate = 0.1
    for _ in gauge.between(range(30)):
        model(torch.randn(5, 3)).square().mean().backward()
        before = [parameter.detach().norm() for parameter in model.parameters()]
        gradients = [parameter.grad.norm() for parameter in model.parameters()]
        last = before, gradients
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= rate * parameter.grad
    assert sorted(gauge.trace.steps) == [*range(FIRST), 20]
    weights, moved, slopes = gauge.trace.steps[20]
    assert len(weights) == 4
    assert torch.allclose(torch.tensor(moved), rate * torch.tensor(slopes), rtol=1e-4)
    assert last


def test_losses_are_fetched_when_an_epoch_is_over():
    gauge = Gauge(nn.Linear(1, 1), steps_per_epoch=2)
    gauge.noted(torch.tensor(2.0, requires_grad=True))
    gauge.noted(torch.tensor(1.0))
    assert gauge.trace.losses == []
    gauge.epoch(epoch(1, 1.5))
    assert gauge.trace.losses == [2.0, 1.0]


def test_only_a_loss_that_does_not_fall_is_suspicious():
    falling = Trace(losses=[2.3, 2.2, 1.9, 1.2], epochs=[epoch(1, 2.2), epoch(2, 1.5)])
    standing = Trace(losses=[2.3, 2.2, 2.3, 2.2], epochs=[epoch(1, 2.2), epoch(2, 2.2)])
    broken = Trace(losses=[2.3, float("inf")], epochs=[epoch(1, 2.2)])
    assert [trace.suspicious for trace in (falling, standing, broken, Trace())] == [False, True, True, False]


def test_members_of_a_stack_are_measured_as_each_alone():
    torch.manual_seed(0)
    models = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)) for _ in range(3)]
    alone = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)) for _ in range(3)]
    for one, other in zip(models, alone, strict=True):
        other.load_state_dict(one.state_dict())
    rates, batches = (0.1, 0.2, 0.3), [(torch.randn(6, 3), torch.randn(6, 1)) for _ in range(4)]
    loss = nn.functional.mse_loss
    optimizers = [torch.optim.SGD(model.parameters(), lr=rate) for model, rate in zip(models, rates, strict=True)]
    stack, gauge = Stack(models, loss, optimizers, together=2), StackGauge(3, steps_per_epoch=2)
    for number, batch in enumerate(batches):
        gauge.before(stack)
        gauge.after(stack, stack.step(*batch))
        if number == 1:
            gauge.epoch(1, epoch(1, 0.5))
            stack.drop([1])
    for member in (0, 2):
        trace = gauge.epoch(member, epoch(1, 0.5))
        own = Gauge(alone[member], steps_per_epoch=2)
        optimizer = torch.optim.SGD(alone[member].parameters(), lr=rates[member])
        for inputs, targets in own.between(batches):
            optimizer.zero_grad()
            value = loss(alone[member](inputs), targets)
            value.backward()
            own.noted(value)
            optimizer.step()
        own.epoch(epoch(1, 0.5))
        assert torch.allclose(torch.tensor(trace.losses), torch.tensor(own.trace.losses), rtol=1e-5)
        assert trace.steps.keys() == own.trace.steps.keys()
        for step, kinds in trace.steps.items():
            for mine, theirs in zip(kinds, own.trace.steps[step], strict=True):
                assert torch.allclose(torch.tensor(mine), torch.tensor(theirs), rtol=1e-4, atol=1e-6)
    assert (len(gauge.traces[1].losses), len(gauge.traces[0].losses)) == (2, 4)
