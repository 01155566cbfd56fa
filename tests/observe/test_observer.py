"""Watching changes nothing, and what it records is right: held against slow, obvious computations."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unstuck.errors import ArgumentError
from unstuck.observe import Observer
from unstuck.observe.torch_hooks import events, forward
from unstuck.record import Run, RunWriter, facts, signals

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "adamw-fused": lambda p: torch.optim.AdamW(p, lr=1e-2, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
}


class Net(nn.Module):
    """Batch norm, dropout, a functional activation: all that has state or draws random numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(4 * 16, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        return self.fc(self.drop(x.flatten(1)))


def train(model, optimizer, steps=25):
    losses = []
    for _ in range(steps):
        x = torch.randn(8, 1, 4, 4)
        y = torch.randint(3, (8,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """No hook, wrapper or mode survives a test."""
    backward, construct = torch.autograd.backward, torch.optim.Optimizer.__init__
    yield
    assert torch.autograd.backward is backward
    assert torch.optim.Optimizer.__init__ is construct
    assert events.empty()
    assert not forward._handles
    assert torch._C._len_torch_function_stack() == 0
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_is_bitwise_the_same(name, tmp_path):
    def run(watched):
        torch.manual_seed(0)
        model = Net()
        optimizer = OPTIMIZERS[name](model.parameters())
        if not watched:
            losses = train(model, optimizer)
        else:
            with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=1.0) as observer:
                losses = train(model, optimizer)
            assert observer.failure is None
        return losses, model.state_dict(), optimizer.state_dict()["state"], torch.get_rng_state()

    losses, weights, state, rng = run(False)
    seen_losses, seen_weights, seen_state, seen_rng = run(True)
    assert losses == seen_losses
    assert torch.equal(rng, seen_rng)
    assert all(torch.equal(weights[key], seen_weights[key]) for key in weights)
    for position, values in state.items():
        for key, value in values.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(seen_state[position][key])), key


def test_every_number_is_right(tmp_path, monkeypatch):
    """Norms, updates, cosines, losses and activations of ten steps, against an explicit computation."""
    monkeypatch.setattr("unstuck.observe.sampling.DENSE_SECONDS", float("inf"))
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    expected = []
    previous = None
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=1.0):
        for step in range(10):
            x, y = torch.randn(16, 6), torch.randint(3, (16,))
            optimizer.zero_grad()
            outputs = model(x)
            loss = F.cross_entropy(outputs, y)
            loss.backward()
            old = [p.detach().clone() for p in model.parameters()]
            gradients = [p.grad.clone() for p in model.parameters()]
            optimizer.step()
            change = [p.detach() - o for p, o in zip(model.parameters(), old, strict=True)]
            flat = torch.cat([g.flatten() for g in gradients])
            hidden = torch.tanh(x @ old[0].T + old[1])
            expected.append(
                {
                    "loss": loss.item(),
                    "accuracy": (outputs.argmax(1) == y).float().mean().item(),
                    "gradient_norm": [g.norm().item() for g in gradients],
                    "update_ratio": [
                        (c.norm() / p.detach().norm()).item() for c, p in zip(change, model.parameters(), strict=True)
                    ],
                    "update_gradient_cosine": [
                        F.cosine_similarity(c.flatten(), g.flatten(), dim=0).item()
                        for c, g in zip(change, gradients, strict=True)
                    ],
                    "cosine": None if step == 0 else F.cosine_similarity(flat, previous, dim=0).item(),
                    "mean": hidden.mean().item(),
                    "std": hidden.std(correction=0).item(),
                    "saturated": (hidden.abs() > 0.98).float().mean().item(),
                    "input_std": x.std(correction=0).item(),
                }
            )
            previous = flat
    run = Run.open(tmp_path)

    def column(key):
        return np.array([e[key] for e in expected if e[key] is not None])

    close = {"rtol": 1e-4, "atol": 1e-6}
    np.testing.assert_allclose(run.series(signals.LOSS).values, column("loss"), **close)
    np.testing.assert_allclose(run.series(signals.ACCURACY).values, column("accuracy"), **close)
    np.testing.assert_allclose(run.series(signals.GRADIENT_COSINE).values, column("cosine"), **close)
    np.testing.assert_allclose(run.series(signals.INPUT_STD).values, column("input_std"), **close)
    for key in ("gradient_norm", "update_ratio", "update_gradient_cosine"):
        np.testing.assert_allclose(run.table(signals.BY_KEY[key]).values, column(key), **close)
    tanh = {
        key: run.table(signals.BY_KEY[f"activation_{key}"]).column("1").values for key in ("mean", "std", "saturated")
    }
    for key, values in tanh.items():
        np.testing.assert_allclose(values, column(key), **close)
    histogram = run.table(signals.ACTIVATION_HISTOGRAM)
    assert histogram.values[0, 1].sum() == 16 * 5


def test_the_loss_call_is_known(tmp_path):
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss(reduction="sum")
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for _ in range(3):
            criterion(model(torch.randn(6, 4)), torch.tensor([0, 0, 0, 1, 1, 2])).backward()
            optimizer.step()
    loss = Run.open(tmp_path).fact(facts.Loss)
    assert (loss.function, loss.reduction, loss.classes.number, loss.classes.counts) == (
        "cross_entropy",
        "sum",
        3,
        (9, 6, 3),
    )
    assert loss.file == __file__
    assert loss.line is not None


def test_units_die_only_after_many_batches(tmp_path):
    """Two of four hidden units have a bias that no input overcomes."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([5.0, 5.0, -100.0, -100.0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=1.0):
        for _ in range(12):
            model(torch.randn(8, 3)).mean().backward()
            optimizer.step()
    dead = Run.open(tmp_path).table(signals.DEAD_UNITS).column("1").values
    assert np.isnan(dead[:7]).all()
    assert dead[7:].tolist() == [0.5] * 5


def test_functional_activations_are_layers(tmp_path):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        train(model, optimizer, steps=2)
    assert set(Run.open(tmp_path).table(signals.ACTIVATION_MEAN).names) == {"conv", "norm", "relu", "fc"}


def test_evaluations_do_not_count_as_training(tmp_path):
    """Validation between two steps, with and without no_grad, leaves the sampled inputs alone."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=1.0):
        for step in range(6):
            model.train()
            F.mse_loss(model(torch.ones(4, 2)), torch.zeros(4, 1)).backward()
            optimizer.step()
            model.eval()
            if step % 2:
                model(torch.full((4, 2), 100.0))
            else:
                with torch.no_grad():
                    model(torch.full((4, 2), 100.0))
    assert Run.open(tmp_path).series(signals.INPUT_MEAN).values.tolist() == [1.0] * 6


def test_only_the_watched_optimizer_counts(tmp_path):
    generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    ours = torch.optim.SGD(critic.parameters(), lr=0.1)
    other = torch.optim.SGD(generator.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(critic, ours, writer):
        for _ in range(4):
            (critic(generator(torch.ones(1, 2)).detach()).mean() + 7.0).backward()
            ours.step()
            generator(torch.ones(1, 2)).mean().backward()
            other.step()
    run = Run.open(tmp_path)
    assert len(run.series(signals.LOSS)) == 4
    assert run.table(signals.UPDATE_NORM).names == ("weight", "bias")


def test_closures_and_lbfgs(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    x, y = torch.randn(20, 3), torch.randn(20, 1)

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        return loss

    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(5):
            optimizer.step(closure)
    run = Run.open(tmp_path)
    assert observer.failure is None
    assert len(run.series(signals.LOSS)) == 5
    assert (run.table(signals.UPDATE_NORM).values[0] > 0).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_any_precision(dtype, tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(3):
            model(torch.ones(2, 4, dtype=dtype)).float().sum().backward()
            optimizer.step()
    assert observer.failure is None
    assert np.isfinite(Run.open(tmp_path).table(signals.WEIGHT_NORM).values).all()


def test_sparse_embeddings_empty_and_unused_parameters(tmp_path):
    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 3, sparse=True)
            self.unused = nn.Linear(2, 2)
            self.nothing = nn.Parameter(torch.empty(0))

        def forward(self, ids):
            return self.table(ids).sum()

    model = Sparse()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.tensor([1, 2])).backward()
            optimizer.step()
    run = Run.open(tmp_path)
    assert observer.failure is None
    norms = run.table(signals.GRADIENT_NORM)
    assert norms.column("table.weight").values[0] == pytest.approx(6**0.5)
    assert np.isnan(norms.column("unused.weight").values).all()
    assert run.fact(facts.Inputs).kind_of == "ids"


def test_parameters_added_later_are_seen(tmp_path):
    model, extra = nn.Linear(2, 1), nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for step in range(4):
            (model(torch.ones(1, 2)).sum() + extra.sum()).backward()
            if step == 1:
                optimizer.add_param_group({"params": [extra]})
            optimizer.step()
    table = Run.open(tmp_path).table(signals.UPDATE_NORM)
    assert table.names[-1] == "extra", "the name of the user's variable"
    assert np.isfinite(table.column("extra").values).tolist() == [False, True, True, True]


def test_a_loss_that_is_not_finite_is_a_fact(tmp_path):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for step in range(4):
            (model(torch.ones(1, 2)).sum() * (float("nan") if step >= 2 else 1.0)).backward()
            optimizer.step()
    assert [fact.step for fact in Run.open(tmp_path).facts(facts.NonFinite)] == [2]


def test_the_end_is_recorded(tmp_path):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for name, error in (("interrupted", KeyboardInterrupt()), ("crashed", ValueError("no such key"))):
        with RunWriter(tmp_path / name) as writer, pytest.raises(type(error)), Observer(model, optimizer, writer):
            raise error
        end = Run.open(tmp_path / name).fact(facts.End)
        assert end.reason == name
    assert end.message == "ValueError: no such key"


@pytest.mark.filterwarnings("ignore:unstuck stopped watching")
def test_a_failure_of_ours_does_not_stop_the_training(tmp_path, monkeypatch):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        for step in range(6):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            if step == 3:
                monkeypatch.setattr(writer, "add_sample", lambda *a, **k: 1 / 0)
            optimizer.step()
    assert isinstance(observer.failure, ZeroDivisionError)
    expected = copy.deepcopy(model)
    assert torch.equal(expected.weight, model.weight)
    assert len(Run.open(tmp_path).series(signals.LOSS)) == 4, "what was known until then is kept"


def test_nothing_to_watch_is_an_error(tmp_path):
    with RunWriter(tmp_path) as writer:
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        optimizer.param_groups[0]["params"] = []
        with pytest.raises(ArgumentError, match="hold no parameters"):
            Observer(nn.ReLU(), optimizer, writer)


def test_filters_of_the_first_layer_are_kept(tmp_path):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        before = model.conv.weight.detach().clone()
        train(model, optimizer, steps=3)
    (first, filters), (last, _) = Run.open(tmp_path).arrays("filters")
    assert (first, last) == (0, 3)
    np.testing.assert_array_equal(filters, before.numpy())
