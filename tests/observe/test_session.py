"""Programs of every style are seen whole, with the right loss for each optimizer, and no number of theirs changes."""

from __future__ import annotations

import contextlib
import gc
import itertools
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from unstuck.errors import ArgumentError
from unstuck.observe import Observer, Session
from unstuck.observe.budget import Budget
from unstuck.observe.collectors.activations import Activations
from unstuck.observe.torch_hooks import forward
from unstuck.record import Run, RunWriter, facts, signals

Program = Callable[[], list[float]]
"""A program that trains; it returns its losses, one for each step of its first optimizer, and any other numbers."""


def seen(program: Program, folder: Path, *, budget: float = 1.0) -> Run:
    """Watch a program; it must return the same as without."""
    torch.manual_seed(0)
    plain = program()
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=budget) as session:
        watched = program()
    assert session.failure is None
    assert watched == plain
    return Run.open(folder)


def losses(run: Run) -> list[float]:
    return run.series(signals.LOSS).values.tolist()


def data(n: int = 48, features: int = 6, classes: int = 3):
    return torch.randn(n, features), torch.randint(classes, (n,))


# Plain loops.


class Own(nn.Module):
    """A module of one's own, with functional activations and a parameter without a module."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.scale = nn.Parameter(torch.ones(8))
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)) * self.scale)


def by_function() -> list[float]:
    def epoch(model, loader, optimizer):
        for a, b in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(a), b)
            loss.backward()
            optimizer.step()
            yield loss.item()

    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    loader = DataLoader(TensorDataset(*data()), batch_size=16, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return [loss for _ in range(3) for loss in epoch(model, loader, optimizer)]


def by_class() -> list[float]:
    class Trainer:
        def __init__(self):
            self.net, self.criterion = Own(), nn.CrossEntropyLoss()
            self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)

        def step(self, a, b):
            self.opt.zero_grad(set_to_none=False)
            loss = self.criterion(self.net(a), b)
            loss.backward()
            self.opt.step()
            return loss.item()

    trainer, (x, y) = Trainer(), data()
    return [trainer.step(x[i : i + 16], y[i : i + 16]) for i in (0, 16, 32) * 3]


def without_modules() -> list[float]:
    """Weights as plain tensors, a loss by hand."""
    w1, w2 = torch.randn(6, 8, requires_grad=True), torch.randn(8, 1, requires_grad=True)
    optimizer = torch.optim.SGD([w1, w2], lr=1e-3)
    x, _ = data()
    result = []
    for _ in range(9):
        loss = ((torch.relu(x @ w1) @ w2).squeeze(1) - x.sum(1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


def with_an_own_loss_function() -> list[float]:
    class Squared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    model, (x, _) = nn.Linear(6, 1), data()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)
    result = []
    for _ in range(9):
        loss = Squared.apply(model(x)).mean()
        model.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        result.append(loss.item())
    return result


def recurrent() -> list[float]:
    """Packed sequences of unequal length, gradients clipped."""
    model = nn.ModuleDict({"gru": nn.GRU(4, 8, batch_first=True), "head": nn.Linear(8, 2)})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    lengths, x, y = torch.tensor([5, 3, 2]), torch.randn(3, 5, 4), torch.tensor([0, 1, 1])
    result = []
    for _ in range(6):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        _, hidden = model["gru"](packed)
        loss = F.cross_entropy(model["head"](hidden[-1]), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        result.append(loss.item())
    return result


def sparse() -> list[float]:
    bag = nn.EmbeddingBag(50, 4, sparse=True, mode="sum")
    optimizer = torch.optim.SparseAdam(bag.parameters(), lr=0.1)
    result = []
    for step in range(6):
        optimizer.zero_grad()
        loss = bag(torch.tensor([[step, 7], [8, 9]])).square().mean()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


def frozen() -> list[float]:
    backbone, head = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU()), nn.Linear(8, 3)
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    backbone.eval()
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    x, y = data()
    result = []
    for _ in range(6):
        with torch.no_grad():
            features = backbone(x)
        loss = F.cross_entropy(head(features), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


def bfloat16() -> list[float]:
    model, (x, y) = Own(), data()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    result = []
    for _ in range(6):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


PLAIN = (by_function, by_class, without_modules, with_an_own_loss_function, recurrent, sparse, frozen, bfloat16)


@pytest.mark.parametrize("program", PLAIN, ids=lambda p: p.__name__)
def test_a_loop_of_any_style(program, tmp_path):
    torch.manual_seed(0)
    expected = program()
    run = seen(program, tmp_path)
    assert losses(run) == expected
    assert len(run.streams()) == 1
    norms = run.table(signals.UPDATE_NORM)
    held = [p.name for p in run.fact(facts.Model).parameters if p.optimized]
    assert len(norms.steps) == len(expected)
    assert all((norms.column(name).values > 0).all() for name in held)


def test_names_are_those_of_the_users_code(tmp_path):
    run = seen(without_modules, tmp_path / "tensors")
    assert run.table(signals.UPDATE_NORM).names == ("w1", "w2")
    run = seen(by_class, tmp_path / "class")
    assert run.table(signals.UPDATE_NORM).names[:2] == ("scale", "first.weight")
    assert run.fact(facts.Loss).function == "cross_entropy"
    assert run.fact(facts.Optimizer).file == __file__
    assert set(run.table(signals.ACTIVATION_MEAN).names) == {"first", "tanh", "second"}


# Several optimizers.


def adversarial(order: str) -> Program:
    """A GAN; the losses of the critic, then of the generator."""

    def program() -> list[float]:
        generator, critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)), nn.Linear(2, 1)
        for_critic = torch.optim.Adam(critic.parameters(), lr=1e-2)
        for_generator = torch.optim.Adam(generator.parameters(), lr=1e-2)
        critics, generators = [], []

        def train_critic(step: bool) -> None:
            critic.zero_grad(set_to_none=order != "in place")
            real, fake = critic(torch.randn(16, 2) + 3), critic(generator(torch.randn(16, 2)).detach())
            loss = F.softplus(-real).mean() + F.softplus(fake).mean()
            loss.backward()
            critics.append(loss.item())
            if step:
                for_critic.step()

        def train_generator(step: bool) -> None:
            for_generator.zero_grad()
            loss = F.softplus(-critic(generator(torch.randn(16, 2)))).mean() + 5.0
            loss.backward(inputs=list(generator.parameters()) if order == "both" else None)
            generators.append(loss.item())
            if step:
                for_generator.step()

        for _ in range(8):
            if order == "generator first":
                train_generator(True)
            train_critic(order != "both")
            if order != "generator first":
                train_generator(order != "both")
            if order == "both":
                for_generator.step()
                for_critic.step()
        return critics + generators

    return program


@pytest.mark.parametrize("order", ["critic first", "generator first", "both", "in place"])
@pytest.mark.parametrize("budget", [1.0, 1e-9], ids=["every step", "few steps"])
def test_each_network_of_a_gan_has_its_own_loss(order, budget, tmp_path):
    torch.manual_seed(0)
    expected = adversarial(order)()
    run = seen(adversarial(order), tmp_path, budget=budget)
    by_size = {len(stream.fact(facts.Model).parameters): stream for stream in run.streams()}
    assert set(by_size) == {2, 4}
    assert losses(by_size[2]) == expected[:8]
    assert losses(by_size[4]) == expected[8:]
    for stream in run.streams():
        carried = stream.series(signals.GRADIENT_CARRIED).values
        assert (carried == 0).all(), "cleared gradients are not carried over"


# Steps of other kinds.


def test_accumulated_gradients_are_one_step_with_the_mean_loss(tmp_path):
    def program() -> list[float]:
        model, (x, y) = Own(), data()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        result = []
        for i in range(12):
            loss = F.cross_entropy(model(x[4 * i : 4 * i + 4]), y[4 * i : 4 * i + 4]) / 3
            loss.backward()
            result.append(loss.item())
            if i % 3 == 2:
                optimizer.step()
                optimizer.zero_grad()
        return result

    torch.manual_seed(0)
    expected = np.reshape(program(), (4, 3)).mean(axis=1)
    run = seen(program, tmp_path)
    np.testing.assert_allclose(losses(run), expected, rtol=1e-6)
    assert (run.series(signals.GRADIENT_CARRIED).values == 0).all()


@pytest.mark.parametrize("kind", ["lbfgs", "sgd"])
def test_a_closure_is_seen_with_the_forward_pass_inside(kind, tmp_path):
    def program() -> list[float]:
        model, (x, y) = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3)), data()
        if kind == "lbfgs":
            optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        return [optimizer.step(closure).item() for _ in range(5)]

    torch.manual_seed(0)
    expected = program()
    run = seen(program, tmp_path)
    assert losses(run) == expected
    assert run.table(signals.UPDATE_NORM).names == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert (run.table(signals.UPDATE_NORM).values > 0).all()
    for signal in (signals.ACCURACY, signals.INPUT_STD):
        assert len(run.series(signal)) == 5, signal.key
    assert run.table(signals.ACTIVATION_MEAN).names == ("0", "1", "2")
    assert len(run.table(signals.ACTIVATION_MEAN).steps) == 5
    assert run.fact(facts.Loss).function == "cross_entropy"


@pytest.mark.parametrize("kept", [True, False], ids=["loss kept", "loss not kept"])
def test_a_scaled_loss_is_recorded_unscaled_and_skipped_steps_are_no_steps(kept, tmp_path):
    def program() -> list[float]:
        model, (x, y) = Own(), data()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40, growth_interval=3)
        result = []
        for step in range(12):
            optimizer.zero_grad()
            # Overflows in the second and the seventh step, whose updates are skipped.
            factor = 1e30 if step in (1, 6) else 1.0
            if kept:
                loss = F.cross_entropy(model(x), y) * factor
                scaler.scale(loss).backward()
                value = loss.item()
            else:
                with torch.no_grad():
                    value = (F.cross_entropy(model(x), y) * factor).item()
                scaler.scale(F.cross_entropy(model(x), y) * factor).backward()
            scaler.step(optimizer)
            scaler.update()
            if factor == 1.0:
                result.append(value)
        return result

    torch.manual_seed(0)
    expected = program()
    run = seen(program, tmp_path)
    assert losses(run) == expected
    assert (run.table(signals.UPDATE_NORM).values > 0).all()
    assert not run.facts(facts.NonFinite)


def test_schedules_are_counted_by_step_and_by_epoch(tmp_path):
    def program(per_step: bool) -> Program:
        def run() -> list[float]:
            model, (x, y) = Own(), data()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
            rates = []
            for _epoch, i in itertools.product(range(3), range(4)):
                optimizer.zero_grad()
                F.cross_entropy(model(x[12 * i : 12 * i + 12]), y[12 * i : 12 * i + 12]).backward()
                rates.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                if per_step or i == 3:
                    schedule.step()
            return rates

        return run

    for per, steps in (("step", 12), ("epoch", 3)):
        run = seen(program(per == "step"), tmp_path / per)
        schedule = run.fact(facts.Schedule)
        assert (schedule.type, schedule.per, schedule.steps, schedule.updates) == ("ExponentialLR", per, steps, 12)
        assert (schedule.file, schedule.before_update) == (__file__, False)
        rates = run.table(signals.LEARNING_RATE).values[:, 0]
        np.testing.assert_allclose(rates, 0.1 * 0.5 ** np.arange(12 if per == "step" else 3), rtol=1e-6)


# Compiled programs.


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("how", ["wrapped", "wrapped first", "in place", "step function"])
def test_compiled_programs_are_not_disturbed(backend, how, tmp_path):
    """Same results, as many graphs, no break, no recompilation, no warning, and no hook of ours while it traces."""
    import torch._dynamo as dynamo
    from torch._dynamo.utils import counters

    def program() -> list[float]:
        dynamo.reset()
        counters.clear()
        model, (x, y) = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), data()
        forward_pass = model
        if how == "wrapped first":
            forward_pass = torch.compile(model, backend=backend)
        optimizer = torch.optim.SGD(forward_pass.parameters(), lr=0.1)
        if how == "wrapped":
            forward_pass = torch.compile(model, backend=backend)
        elif how == "in place":
            model.compile(backend=backend)
        else:
            forward_pass = torch.compile(lambda a: model(a).tanh(), backend=backend)
        result = []
        for step in range(24):
            optimizer.zero_grad()
            loss = F.cross_entropy(forward_pass(x), y)
            loss.backward()
            optimizer.step()
            result.append(loss.item())
            if step % 8 == 7:
                with torch.no_grad():
                    result.append(F.cross_entropy(forward_pass(x), y).item())
        graphs = counters["stats"]["unique_graphs"]
        breaks = sum(counters["graph_break"].values())
        recompiled = sum(len(reasons) for reasons in dynamo.utils.guard_failures.values())
        return [*result, graphs, breaks, recompiled]

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        torch.manual_seed(0)
        expected = program()
        run = seen(program, tmp_path)
    own = [loss for i, loss in enumerate(expected[:-3]) if i % 9 != 8]
    assert losses(run) == own
    assert (run.table(signals.UPDATE_NORM).values > 0).all()
    unseen = [event for event in run.facts(facts.Event) if "compiled" in event.what]
    assert len(unseen) == 1
    dynamo.reset()


# Evaluations, models made anew, ends.


def test_evaluations_are_told_from_training(tmp_path):
    def program() -> list[float]:
        model, (x, y), (u, v) = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3)), data(), data(20)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        result = []
        for _ in range(3):
            model.train()
            for i in range(0, 48, 16):
                optimizer.zero_grad()
                F.cross_entropy(model(x[i : i + 16]), y[i : i + 16]).backward()
                optimizer.step()
            model.eval()
            with torch.inference_mode():
                outputs = torch.cat([model(u[:12]), model(u[12:])])
                loss = (F.cross_entropy(outputs[:12], v[:12]) * 12 + F.cross_entropy(outputs[12:], v[12:]) * 8) / 20
                result += [loss.item(), (outputs.argmax(1) == v).float().mean().item()]
        return result

    torch.manual_seed(0)
    expected = program()
    run = seen(program, tmp_path)
    np.testing.assert_allclose(run.series(signals.VALIDATION_LOSS).values, expected[::2], rtol=1e-5)
    np.testing.assert_allclose(run.series(signals.VALIDATION_ACCURACY).values, expected[1::2], rtol=1e-6)
    assert run.series(signals.VALIDATION_LOSS).steps.tolist() == [3, 6, 9]
    assert run.fact(facts.Overlap).seen_in_training == 0


def test_models_made_anew_are_streams_and_their_memory_is_given_back(tmp_path):
    alive: list[weakref.ref[nn.Module]] = []

    def fold(x, y) -> float:
        model = nn.Linear(6, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        alive.append(weakref.ref(model))
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return loss.item()

    def program() -> list[float]:
        x, y = data()
        result = []
        for _ in range(3):
            result.append(fold(x, y))
            gc.collect()
            assert not [model for model in alive if model() is not None], "an old model is still there"
        return result

    torch.manual_seed(0)
    expected = program()
    run = seen(program, tmp_path)
    assert [losses(stream)[-1] for stream in run.streams()] == expected
    assert {stream.fact(facts.End).reason for stream in run.streams()} == {"completed"}


def test_a_model_deleted_in_a_running_function_is_gone(tmp_path):
    """Looking for the names of variables must not keep what they name."""

    def program() -> list[float]:
        x, y = data()
        weight = torch.zeros(6, 3, requires_grad=True)
        model = nn.Linear(6, 3)
        optimizer = torch.optim.SGD([weight, *model.parameters()], lr=0.1)
        for _ in range(3):
            F.cross_entropy(model(x) + x @ weight, y).backward()
            optimizer.step()
        alive = weakref.ref(model)
        del model, optimizer, weight
        gc.collect()
        return [float(alive() is not None)]

    torch.manual_seed(0)
    assert program() == [0.0]
    run = seen(program, tmp_path)
    assert "weight" in run.table(signals.UPDATE_NORM).names


def test_each_of_many_models_is_watched(tmp_path):
    def program() -> list[float]:
        for _ in range(40):
            weight = torch.zeros(2, requires_grad=True)
            optimizer = torch.optim.SGD([weight], lr=0.1)
            (weight - 1).square().sum().backward()
            optimizer.step()
        return [weight.sum().item()]

    assert len(seen(program, tmp_path).streams()) == 40


@pytest.mark.parametrize("ends", [None, KeyboardInterrupt, ValueError])
def test_which_of_many_trainings_were_not_watched_and_how_they_ended_is_stated(ends, tmp_path, monkeypatch):
    asked = iter(range(100))
    monkeypatch.setattr(Budget, "admits", lambda *_: next(asked) not in (1, 3, 4))

    def program() -> None:
        for number in range(6):
            weight = torch.zeros(2, requires_grad=True)
            optimizer = torch.optim.SGD([weight], lr=0.1)
            (weight - 1).square().sum().backward()
            optimizer.step()
            if ends is not None and number == 4:
                raise ends

    with RunWriter(tmp_path) as writer, contextlib.suppress(BaseException), Session(writer):
        program()
    with Run.open(tmp_path) as run:
        (missed,) = run.streams()[0].facts(facts.Unwatched)
        assert len(run.streams()) == (3 if ends is None else 2)
    ended = {None: "", KeyboardInterrupt: "interrupted", ValueError: "crashed"}[ends]
    assert (missed.trainings, missed.which, missed.ended) == (3, ((2, 2), (4, 5)), ended)


@pytest.mark.parametrize("event", ["forward_begins", "backward_begins", "step_ended"])
def test_a_failure_of_ours_does_not_reach_the_program(event, tmp_path, monkeypatch):
    """Not even where warnings are errors, and whichever hook it comes from."""
    with monkeypatch.context() as patched:
        patched.setattr(Observer, event, lambda *_, **__: 1 / 0)
        with RunWriter(tmp_path / event) as writer, Session(writer) as session:
            torch.manual_seed(0)
            watched = by_class()
        assert isinstance(session.failure, ZeroDivisionError)
        torch.manual_seed(0)
        assert by_class() == watched


def test_a_collector_that_fails_costs_its_own_signals(tmp_path, monkeypatch):
    monkeypatch.setattr(Activations, "output", lambda *_, **__: 1 / 0)
    torch.manual_seed(0)
    run = seen(by_class, tmp_path)
    (unread,) = run.facts(facts.Unread)
    assert (unread.collector, unread.error) == ("Activations", "ZeroDivisionError: division by zero")
    assert signals.ACTIVATION_MEAN.key in unread.signals
    assert not run.has(signals.ACTIVATION_MEAN)
    assert run.has(signals.UPDATE_RATIO)
    assert run.has(signals.INPUT_MEAN)


def test_a_budget_out_of_range_is_refused(tmp_path):
    with RunWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="budget=2"):
        Session(writer, budget=2)


def test_counts_tell_why_there_is_nothing(tmp_path):
    with RunWriter(tmp_path) as writer, Session(writer) as session:
        torch.ones(1, requires_grad=True).sum().backward()
    assert (session.backward_passes, session.optimizers) == (1, 0)
    assert not forward._watching


def ensemble() -> list[float]:
    """Two members at once, their gradients taken within transforms, in which no tensor holds values."""
    members = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)) for _ in range(2)]
    weights, _ = torch.func.stack_module_state(members)
    weights = {name: weight.detach() for name, weight in weights.items()}
    x, y = torch.randn(2, 8, 3), torch.randn(2, 8, 1)

    def loss(weights, x, y):
        return F.mse_loss(torch.func.functional_call(members[0], weights, (x,)), y)

    both = torch.vmap(torch.func.grad_and_value(loss))
    values = []
    for _ in range(12):
        gradients, now = both(weights, x, y)
        weights = {name: weight - 0.1 * gradients[name] for name, weight in weights.items()}
        values += now.tolist()
    return values


def test_transforms_of_functions_are_let_be_and_counted(tmp_path):
    torch.manual_seed(0)
    plain = ensemble()
    torch.manual_seed(0)
    with warnings.catch_warnings(), RunWriter(tmp_path) as writer, Session(writer) as session:
        warnings.simplefilter("error")
        assert ensemble() == plain
    assert session.failure is None
    assert (session.transforms, session.backward_passes) == (12, 0)


def test_transforms_beside_an_optimizer_are_let_be(tmp_path):
    """Gradients of single examples, by which a plain training clips its own."""

    def program():
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x, y = torch.randn(8, 3), torch.randn(8, 1)

        def loss(weights, x, y):
            return F.mse_loss(torch.func.functional_call(model, weights, (x,)), y)

        found = []
        for _ in range(12):
            weights = {name: weight.detach() for name, weight in model.named_parameters()}
            single = torch.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(weights, x, y)
            value = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            found += [value.item(), single["weight"].norm().item()]
        return found

    run = seen(program, tmp_path)
    assert len(run.series(signals.LOSS)) == 12


def test_a_listener_that_fails_again_as_it_lets_go_costs_the_program_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "backward_begins", lambda *_: 1 / 0)
    monkeypatch.setattr(Session, "failed", lambda *_: 1 / 0)
    with RunWriter(tmp_path) as writer, Session(writer):
        weight = torch.ones(1, requires_grad=True)
        with pytest.warns(RuntimeWarning, match="stopped watching"):
            weight.sum().backward()
    assert weight.grad.item() == 1.0


def test_a_model_that_mixes_examples_is_asked_about_it_while_it_trains(tmp_path):
    """By an extra backward pass, which needs a graph although our own work has none."""

    class Rolling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            hidden = self.first(x).tanh()
            return self.second(hidden + hidden.roll(1, 0))

    def program() -> list[float]:
        model = Rolling()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.mse_loss(model(torch.randn(8, 3)), torch.zeros(8, 2))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    mixing = seen(program, tmp_path).fact(facts.BatchMixing)
    assert mixing is not None
    assert mixing.share > 0.3


def test_words_of_one_sentence_are_no_examples_that_mix(tmp_path):
    """A batch of one, whose output has a row for each of its five words."""

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(7, 8), nn.Linear(8, 7)

        def forward(self, words):
            hidden = self.embed(words)
            return self.head((hidden @ hidden.transpose(1, 2)).softmax(-1) @ hidden).view(-1, 7)

    def program() -> list[float]:
        model = Tagger()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(torch.arange(5)[None]), torch.arange(5))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    assert seen(program, tmp_path).fact(facts.BatchMixing) is None
