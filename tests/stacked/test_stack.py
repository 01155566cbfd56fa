"""Members trained as one take the steps that they would take apart."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.stacked.same import batches, train_both
from unstuck import optim
from unstuck.errors import ArgumentError
from unstuck.stacked import CannotStackError, Stack
from unstuck.train import evaluate
from unstuck.train.penalty import Penalty


def mlp(dropout: float = 0.0) -> nn.Sequential:
    norm, drop = nn.BatchNorm1d(12), nn.Dropout(dropout)
    return nn.Sequential(nn.Linear(8, 12, bias=False), norm, nn.ReLU(), drop, nn.Linear(12, 5))


def cnn(dropout: float = 0.0) -> nn.Sequential:
    body = (nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    more = (nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Dropout2d(dropout), nn.Flatten())
    return nn.Sequential(*body, *more, nn.Linear(24, 5))


METHODS = {
    "sgd": lambda m, k: optim.SGD(
        m.parameters(), lr=0.02 * (k + 1), momentum=0.9 * (k % 2), weight_decay=1e-3 * (k % 3)
    ),
    "nesterov": lambda m, k: optim.Nesterov(m.parameters(), lr=0.01 * (k + 1), momentum=0.5 + 0.1 * k),
    "adam": lambda m, k: optim.Adam(
        m.parameters(), lr=1e-3 * (k + 1), betas=(0.9 - 0.1 * k, 0.99), weight_decay=1e-3 * k
    ),
    "adamw": lambda m, k: torch.optim.AdamW(m.parameters(), lr=1e-3 * (k + 1), weight_decay=0.1 * k),
    "radam": lambda m, k: optim.RAdam(m.parameters(), lr=1e-3 * (k + 1), betas=(0.9, 0.99 + 0.002 * k)),
    "rmsprop": lambda m, k: torch.optim.RMSprop(m.parameters(), lr=1e-3, momentum=0.3 * k),
    "adagrad": lambda m, k: optim.Adagrad(m.parameters(), lr=1e-2, initial_accumulator_value=0.1 * k),
}


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", METHODS)
def test_in_float64_a_hundred_steps_agree_to_ten_digits(name, double):
    torch.manual_seed(1)
    both = train_both([mlp(0.2 * k) for k in range(4)], METHODS[name], batches(100, 8))
    assert both.weights < 1e-10
    assert both.losses < 1e-10


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_in_float32_a_hundred_steps_agree_to_five_digits(name):
    torch.manual_seed(1)
    both = train_both([mlp(0.2 * k) for k in range(4)], METHODS[name], batches(100, 8))
    assert both.weights < 1e-5
    assert both.losses < 1e-5


@pytest.mark.parametrize("together", [2, 3, 8])
def test_networks_that_convolve_agree_however_many_are_taken_at_a_time(together, double):
    torch.manual_seed(1)
    both = train_both([cnn(0.1 * k) for k in range(5)], METHODS["adam"], batches(100, 1, 8, 8), together)
    assert both.weights < 1e-10
    assert both.losses < 1e-10


def test_the_plain_formula_serves_where_the_kernel_does_not(double, monkeypatch):
    monkeypatch.setattr("unstuck.stacked.update.serves", lambda parameters: False)
    torch.manual_seed(1)
    assert train_both([mlp() for _ in range(3)], METHODS["radam"], batches(60, 8)).weights < 1e-10
    assert train_both([mlp() for _ in range(3)], METHODS["sgd"], batches(60, 8)).weights < 1e-10


def test_half_precision_is_stepped_by_the_plain_formula():
    torch.manual_seed(0)
    models = [nn.Linear(4, 2).bfloat16() for _ in range(2)]
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.1) for m in models])
    before = stack.step(torch.ones(4, 4, dtype=torch.bfloat16), torch.tensor([0, 1, 0, 0]))
    after = stack.step(torch.ones(4, 4, dtype=torch.bfloat16), torch.tensor([0, 1, 0, 0]))
    assert (after < before).all()


def test_a_member_that_diverges_does_not_disturb_the_rest():
    torch.manual_seed(0)
    data = batches(40, 8)
    models, twins = ([mlp() for _ in range(3)] for _ in range(2))
    for model, twin in zip(models, twins, strict=True):
        twin.load_state_dict(model.state_dict())
    rates = (0.01, 1e30, 0.02)
    with_it = Stack(
        models, cross_entropy, [optim.SGD(m.parameters(), lr=r) for m, r in zip(models, rates, strict=True)]
    )
    calm = [twins[0], twins[2]]
    without = Stack(
        calm, cross_entropy, [optim.SGD(m.parameters(), lr=r) for m, r in zip(calm, rates[::2], strict=True)]
    )
    for step, batch in enumerate(data):
        losses = with_it.step(*batch)
        if step == 20:
            assert not losses[1].isfinite()
            with_it.drop([1])
        torch.testing.assert_close(losses[[0, -1]], without.step(*batch), rtol=0, atol=1e-6)
    assert with_it.members == (0, 2)
    assert not models[1][0].weight.isfinite().all()


def test_a_member_goes_on_alone_from_where_it_left(double):
    torch.manual_seed(0)
    data = batches(30, 8)
    whole = train_both([mlp() for _ in range(2)], METHODS["adam"], data)
    torch.manual_seed(0)
    models = [mlp() for _ in range(2)]
    optimizers = [METHODS["adam"](m, k) for k, m in enumerate(models)]
    stack = Stack(models, cross_entropy, optimizers)
    for batch in data[:10]:
        stack.step(*batch)
    stack.hand_back()
    for inputs, targets in data[10:]:
        optimizers[1].zero_grad()
        cross_entropy(models[1](inputs), targets).backward()
        optimizers[1].step()
    torch.testing.assert_close(models[1][0].weight, whole.models_apart[1][0].weight, rtol=0, atol=1e-10)


def test_members_on_batches_of_their_own(double):
    torch.manual_seed(0)
    models, twins = ([nn.Linear(8, 5) for _ in range(3)] for _ in range(2))
    for model, twin in zip(models, twins, strict=True):
        twin.load_state_dict(model.state_dict())
    own = batches(3, 8)
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.1) for m in models], together=2)
    stack.step_each(own)
    stack.hand_back()
    for model, twin, batch in zip(models, twins, own, strict=True):
        alone = Stack([twin], cross_entropy, [optim.SGD(twin.parameters(), lr=0.1)])
        alone.step(*batch)
        alone.hand_back()
        torch.testing.assert_close(model.weight, twin.weight, rtol=0, atol=1e-12)


def test_evaluating_gives_what_each_model_is_worth():
    torch.manual_seed(0)
    models = [mlp(0.5) for _ in range(3)]
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.1) for m in models])
    data = batches(5, 8)
    for batch in data:
        stack.step(*batch)
    found = stack.evaluate(data)
    stack.hand_back()
    for model, means in zip(models, found, strict=True):
        expected = evaluate(model, cross_entropy, data)
        assert means.loss == pytest.approx(expected.loss, abs=1e-6)
        assert (means.accuracy, means.examples) == (expected.accuracy, expected.examples)


def test_penalties_act_on_each_member(double):
    torch.manual_seed(0)
    models = [nn.Linear(8, 5) for _ in range(2)]
    for model in models:
        model.load_state_dict(models[0].state_dict())
    penalties = [None, Penalty(l1=0.01, l2=0.1)]
    inputs, targets = batches(1, 8)[0]
    before = models[0].weight.detach().clone()
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.5) for m in models], penalties=penalties)
    stack.step(inputs, targets)
    stack.hand_back()
    expected = -0.5 * (0.01 * before.sign() + 0.1 * before)
    torch.testing.assert_close(models[1].weight - models[0].weight, expected)
    assert torch.equal(models[1].bias, models[0].bias)


def test_frozen_and_shared_parameters():
    def model() -> nn.Module:
        class Tied(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 5)
                self.b.weight = self.a.weight
                self.c.bias.requires_grad_(False)

            def forward(self, inputs):
                return self.c(self.b(self.a(inputs)))

        return Tied()

    torch.manual_seed(0)
    first = model()
    both = train_both([first, copy.deepcopy(first)], METHODS["sgd"], batches(30, 8))
    assert both.weights < 1e-5
    assert torch.equal(both.models_as_one[0].c.bias, first.c.bias)


def test_what_vmap_cannot_do_is_named_and_leaves_the_models_as_they_were():
    class Asks(nn.Module):
        def forward(self, inputs):
            return inputs if inputs.sum() > 0 else -inputs

    models = [nn.Sequential(nn.Linear(8, 5), Asks()) for _ in range(2)]
    before = [model[0].weight.detach().clone() for model in models]
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.1) for m in models])
    with pytest.raises(CannotStackError, match=r"module '1' \(Asks\).*data-dependent control flow"):
        stack.step(*batches(1, 8)[0])
    assert all(torch.equal(model[0].weight, weight) for model, weight in zip(models, before, strict=True))


def test_noise_of_the_models_own_is_refused():
    class Noisy(nn.Module):
        def forward(self, inputs):
            return inputs + torch.randn_like(inputs)

    models = [nn.Sequential(nn.Linear(8, 5), Noisy()) for _ in range(2)]
    stack = Stack(models, cross_entropy, [optim.SGD(m.parameters(), lr=0.1) for m in models])
    with pytest.raises(CannotStackError, match=r"module '1' \(Noisy\), torch.randn_like.*random"):
        stack.step(*batches(1, 8)[0])


def test_bad_arguments_are_said():
    with pytest.raises(ArgumentError, match="one for each"):
        Stack([], cross_entropy, [])
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match="together=0"):
        Stack([model], cross_entropy, [optimizer], together=0)
    stack = Stack([model], lambda outputs, targets: (outputs - targets).square(), [optimizer])
    with pytest.raises(ArgumentError, match="reduction='mean'"):
        stack.step(torch.ones(3, 2), torch.ones(3, 2))
    with pytest.raises(ArgumentError, match="member=3"):
        stack.drop([3])
