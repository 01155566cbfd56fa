import pytest
import torch


@pytest.fixture
def optimizer():
    """Two groups of different base rates."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in (0.8, 0.05)]
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9)


@pytest.fixture
def rates_of():
    """Return a function that drives a schedule (or torch's) and returns the rates it gave, steps by groups."""

    def drive(schedule, steps=300):
        seen = []
        for _ in range(steps):
            seen.append([float(group["lr"]) for group in schedule.optimizer.param_groups])
            schedule.optimizer.step()
            schedule.step()
        for group in schedule.optimizer.param_groups:
            group["lr"] = group.pop("initial_lr")
        return seen

    return drive
