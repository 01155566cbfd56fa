import pytest
import torch

from unstuck.schedules import groups


def test_reads_and_writes_the_rate_the_momentum_and_the_first_beta():
    group = {"lr": 0.1, "momentum": 0.9}
    adam = {"lr": 0.1, "betas": (0.8, 0.95)}
    assert (groups.read(group, "lr"), groups.read(group, "momentum"), groups.read(adam, "momentum")) == (0.1, 0.9, 0.8)
    assert groups.write(group, "lr", 0.2) == 0.2
    assert groups.write(group, "momentum", 0.5) == 0.5
    assert groups.write(adam, "momentum", 0.7) == 0.7
    assert group == {"lr": 0.2, "momentum": 0.5}
    assert adam == {"lr": 0.1, "betas": (0.7, 0.95)}
    with pytest.raises(ValueError, match=r"one with \['lr'\]"):
        groups.read({"lr": 0.1}, "momentum")


def test_what_a_tensor_holds_is_told_with_its_rounding():
    group = {"lr": torch.tensor(0.5)}
    held = group["lr"]
    assert groups.write(group, "lr", 0.1) == float(torch.tensor(0.1)) == float(held)
    assert group["lr"] is held


def test_a_write_by_somebody_else_is_seen():
    number, tensor = 0.5, torch.tensor(0.5)
    before = groups.trace(tensor)
    assert groups.untouched(number, groups.trace(number))
    assert not groups.untouched(0.25, groups.trace(number))
    assert groups.untouched(tensor, before)
    assert not groups.untouched(tensor.clone(), before)
    tensor.fill_(0.25)
    assert not groups.untouched(tensor, before)


def test_a_clone_stays_as_it_is():
    tensor = torch.tensor(0.5)
    kept = groups.clone(tensor)
    tensor.fill_(0.25)
    assert kept == 0.5
