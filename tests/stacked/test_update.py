"""The step of stacked parameters."""

import pytest
import torch
from torch import nn

from unstuck import optim
from unstuck.stacked import CannotStackError
from unstuck.stacked.update import Update, require_one_method


def methods(kind, *numbers, **options):
    return [kind([nn.Parameter(torch.ones(2))], **options, **given) for given in numbers]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([*methods(optim.SGD, {}), *methods(optim.Adam, {})], "optimizer: SGD and Adam"),
        (methods(optim.Adam, {"amsgrad": True}, {}), "amsgrad: True and False"),
        (methods(optim.SGD, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9}), "nesterov: True and False"),
        (methods(optim.LookAheadNesterov, {}, {}), "look-ahead-nesterov"),
    ],
)
def test_methods_that_differ_in_more_than_numbers_are_refused(made, said):
    with pytest.raises(CannotStackError, match=said):
        require_one_method(made)


def test_an_optimizer_that_has_stepped_is_refused():
    made = methods(optim.Adam, {}, {})
    made[1].param_groups[0]["params"][0].grad = torch.ones(2)
    made[1].step()
    with pytest.raises(CannotStackError, match="member 1 has made steps"):
        require_one_method(made)


@pytest.mark.parametrize("serves", [True, False])
def test_members_without_momentum_or_decay_step_as_if_there_were_none(serves, monkeypatch):
    if not serves:
        monkeypatch.setattr("unstuck.stacked.update.serves", lambda parameters: False)
    made = methods(optim.SGD, {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "weight_decay": 0.5})
    require_one_method(made)
    stacked = torch.ones(3, 2, requires_grad=True)
    update = Update(made, 0, [stacked])
    for gradient in (1.0, 2.0):
        stacked.grad = torch.full((3, 2), gradient)
        update.run()
        for method in made:
            method.param_groups[0]["params"][0].grad = torch.full((2,), gradient)
            method.step()
    for k, method in enumerate(made):
        torch.testing.assert_close(stacked.detach()[k], method.param_groups[0]["params"][0].detach())


def test_a_rate_that_a_schedule_changes_acts_at_the_next_step():
    made = methods(optim.SGD, {"lr": 0.1}, {"lr": 0.1})
    stacked = torch.zeros(2, 2, requires_grad=True)
    update = Update(made, 0, [stacked])
    for rate in (0.1, 1.0):
        made[1].param_groups[0]["lr"] = rate
        stacked.grad = -torch.ones(2, 2)
        update.run()
    torch.testing.assert_close(stacked.detach()[:, 0], torch.tensor([0.2, 1.1]))


def test_running_values_go_back_to_their_owner():
    made = methods(optim.Adam, {"lr": 0.1}, {"lr": 0.2})
    stacked = torch.ones(2, 2, requires_grad=True)
    update = Update(made, 0, [stacked])
    stacked.grad = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    update.run()
    update.hand_back(1)
    state = made[1].state[made[1].param_groups[0]["params"][0]]
    assert state["step"] == 1
    torch.testing.assert_close(state["exp_avg"], torch.full((2,), 0.2))
    assert not made[0].state
