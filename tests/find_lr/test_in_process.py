import copy
import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, Dataset

from unstuck.data import Batches, load
from unstuck.errors import ArgumentError, DataError
from unstuck.find_lr.in_process import InProcess, Practice
from unstuck.optim import LookAheadNesterov

X = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] * 2.0 - 1.0
LIST = [(X[k : k + 8], Y[k : k + 8]) for k in range(0, 64, 8)]


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))


def trainer(model: nn.Module, batches: Any = LIST, **practice: Any) -> InProcess:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return InProcess(model, nn.functional.mse_loss, batches, optimizer, practice=Practice(**practice))


class Noisy(Dataset):
    """Augments by every kind of generator."""

    def __init__(self) -> None:
        self.numpy, self.python = np.random.default_rng(3), random.Random(4)
        self.old = np.random.RandomState(5)

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = self.numpy.normal() + self.python.random() + self.old.normal() + np.random.normal() + random.random()
        return X[k] + 0.01 * float(noise) + 0.01 * torch.randn(5), Y[k]


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer, schedule: Any, data: Noisy, loader: DataLoader) -> Any:
    assert loader.generator is not None
    return copy.deepcopy(
        (
            {name: value.clone() for name, value in model.state_dict().items()},
            [module.training for module in model.modules()],
            [p.grad for p in model.parameters()],
            optimizer.state_dict(),
            schedule.state_dict(),
            sorted(vars(optimizer)),
            loader.generator.get_state(),
            torch.get_rng_state(),
            random.getstate(),
            tuple(np.random.get_state()[1:3]),
            (data.numpy.bit_generator.state, data.python.getstate(), tuple(data.old.get_state()[1:3])),
        )
    )


def same(one: Any, other: Any) -> bool:
    leaves, spec = pytree.tree_flatten(one)
    others, their_spec = pytree.tree_flatten(other)
    return spec == their_spec and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else np.array_equal(a, b)
        for a, b in zip(leaves, others, strict=True)
    )


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.Adagrad])
@pytest.mark.parametrize("trained", [False, True])
def test_everything_is_as_before_to_the_last_bit(kind: Any, trained: bool) -> None:
    model, data = network(), Noisy()
    optimizer = kind(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    loader = DataLoader(data, 8, shuffle=True, generator=torch.Generator().manual_seed(7))
    for x, y in LIST if trained else []:
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        schedule.step()
    before = state_of(model, optimizer, schedule, data, loader)
    with InProcess(model, nn.functional.mse_loss, loader, optimizer, practice=Practice()) as inside:
        first = inside.train((0.05,) * 12)
        inside.train((1e6,) * 12)
        assert inside.train((0.05,) * 12).losses == first.losses
        assert inside.train((0.05,) * 12, repeat=1).losses != first.losses
    assert same(state_of(model, optimizer, schedule, data, loader), before)


def test_an_error_in_the_middle_leaves_everything_as_before() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    calls = 0

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise KeyError("mine")
        return nn.functional.mse_loss(outputs, targets)

    optimizer = torch.optim.Adam(model.parameters())
    with (
        pytest.raises(KeyError, match="mine"),
        InProcess(model, loss, LIST, optimizer, practice=Practice()) as inside,
    ):
        inside.train((0.1,) * 20)
    torch.testing.assert_close(model.state_dict(), before, rtol=0.0, atol=0.0)
    assert not optimizer.state


def test_the_losses_are_those_of_a_plain_loop() -> None:
    model = nn.Linear(5, 1)
    twin = copy.deepcopy(model)
    with trainer(model, [(X, Y)]) as inside:
        found = inside.train((0.1, 0.2, 0.0, 0.3))
    expected = []
    for rate in (0.1, 0.2, 0.0, 0.3):
        loss = nn.functional.mse_loss(twin(X), Y)
        expected.append(loss.item())
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter -= rate * parameter.grad
    assert found.losses == pytest.approx(expected, rel=1e-6)


def test_accumulated_batches_are_one_update_of_their_mean() -> None:
    torch.manual_seed(0)
    model = nn.Linear(5, 1)
    halves = [(X[:32], Y[:32]), (X[32:], Y[32:])]
    with trainer(model, [(X, Y)]) as whole:
        expected = whole.train((0.1,) * 5).losses
    with trainer(model, halves, accumulate=2) as inside:
        assert inside.train((0.1,) * 5).losses == pytest.approx(expected, rel=1e-5)


def test_updates_that_a_scaler_skips_are_dropped() -> None:
    torch.manual_seed(0)
    model = nn.Linear(5, 1)
    with trainer(model, [(X, Y)]) as plain:
        expected = plain.train((0.1,) * 6).losses
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=10_000)
    before = scaler.state_dict()
    with trainer(model, [(X, Y)], scaler=scaler) as inside:
        found = inside.train((0.1,) * 6)
    assert found.losses == pytest.approx(expected, rel=1e-5)
    assert scaler.state_dict() == before


def test_a_scaler_that_skips_everything_ends_the_trial() -> None:
    model = nn.Linear(5, 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=0.999)
    with trainer(model, [(X, Y)], scaler=scaler) as inside:
        found = inside.train((0.1,) * 6)
    assert "scaler" in found.ended
    assert not found.losses


def test_the_gradient_is_clipped() -> None:
    model = nn.Linear(5, 1)
    with trainer(model, [(X, 1e6 * Y)], max_norm=1.0) as inside:
        losses = inside.train((0.1,) * 3).losses
    assert losses[2] == pytest.approx(losses[0], rel=1e-3)


def test_a_penalty_is_part_of_the_loss() -> None:
    model = nn.Linear(5, 1)
    with (
        trainer(model, [(X, Y)]) as plain,
        trainer(model, [(X, Y)], regularisation=lambda _: torch.tensor(3.0)) as more,
    ):
        assert more.train((0.1,)).losses[0] == pytest.approx(plain.train((0.1,)).losses[0] + 3.0)


def test_autocast_is_entered() -> None:
    model = nn.Linear(5, 1)
    seen = []
    model.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with trainer(model, [(X, Y)], autocast=torch.autocast("cpu", torch.bfloat16)) as inside:
        seen.clear()
        inside.train((0.1, 0.1))
    assert set(seen) == {torch.bfloat16}


def test_it_ends_after_the_first_loss_that_is_no_number() -> None:
    with trainer(nn.Linear(5, 1), [(X, Y)]) as inside:
        found = inside.train((1e30,) * 50)
    assert 1 < len(found.losses) < 50
    assert not math.isfinite(found.losses[-1])
    assert all(map(math.isfinite, found.losses[:-1]))


def test_it_ends_after_the_first_loss_beyond_the_bound_but_not_at_a_rate_of_zero() -> None:
    with trainer(nn.Linear(5, 1), [(X, Y)]) as inside:
        whole = inside.train((10.0,) * 9)
        inside.bound = whole.losses[3]
        bounded = inside.train((10.0,) * 9)
        assert bounded.losses == whole.losses[:5]
        assert bounded.ended == f"the loss grew to {whole.losses[4]:.3g}"
        inside.bound = 0.0
        assert len(inside.train((0.0,) * 9).losses) == 9


def test_a_list_has_another_order_in_each_repeat_and_pass() -> None:
    model = nn.Linear(5, 1)
    with trainer(model) as inside:
        passes = inside.train((0.0,) * 16).losses
        other = inside.train((0.0,) * 8, repeat=1).losses
    assert sorted(passes[:8]) == pytest.approx(sorted(passes[8:]))
    assert passes[:8] != passes[8:]
    assert sorted(other) == pytest.approx(sorted(passes[:8]))
    assert other != passes[:8]


def test_one_batch_and_batches_of_ours_are_accepted() -> None:
    with trainer(nn.Linear(5, 1), (X, Y)) as inside:
        assert len(inside.train((0.1,) * 3).losses) == 3
    part = load("diabetes").train
    with trainer(nn.Linear(10, 1), Batches(part, 31)) as inside:
        assert inside.train((0.0,) * 20).losses == inside.train((0.0,) * 20).losses


def test_layers_that_are_kept_in_evaluation_stay_so() -> None:
    model = network().train()
    model[1].eval()
    with trainer(model) as inside:
        inside.train((0.1,) * 3)
        assert not model[1].training
        assert model.training


def test_a_look_ahead_method_takes_its_gradients_ahead() -> None:
    model = nn.Linear(5, 1)
    optimizer = LookAheadNesterov(model.parameters(), lr=0.01, momentum=0.9)
    with InProcess(model, nn.functional.mse_loss, [(X, Y)], optimizer, practice=Practice()) as inside:
        losses = inside.train((0.01,) * 20).losses
    assert losses[-1] < losses[0]


def once() -> Any:
    yield from LIST


class Ends:
    """Can be read once, and begins again with nothing."""

    def __init__(self) -> None:
        self.left = list(LIST)

    def __iter__(self) -> Any:
        while self.left:
            yield self.left.pop()


@pytest.mark.parametrize(
    ("batches", "kind", "said"),
    [
        (once(), ArgumentError, "an iterator ends"),
        (iter(LIST), ArgumentError, "an iterator ends"),
        ([], DataError, "no batch"),
        (3, ArgumentError, "batches=3"),
        ([(X[:, :2], Y)], ArgumentError, "the first batch raised"),
    ],
)
def test_batches_that_cannot_be_trained_on_are_refused(batches: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        trainer(nn.Linear(5, 1), batches)


def test_a_loader_that_ends_for_good_is_said() -> None:
    with trainer(nn.Linear(5, 1), Ends()) as inside, pytest.raises(DataError, match="further pass"):
        inside.train((0.1,) * 50)


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda m: torch.optim.SGD(nn.Linear(5, 1).parameters(), lr=0.1), "holds no parameter of the model"),
        (lambda m: torch.optim.LBFGS(m.parameters()), "calls the loss several times"),
        (lambda m: "sgd", "optimizer='sgd'"),
    ],
)
def test_optimizers_of_which_no_rate_can_be_sought_are_refused(optimizer: Any, said: str) -> None:
    model = nn.Linear(5, 1)
    with pytest.raises(ArgumentError, match=said):
        InProcess(model, nn.functional.mse_loss, LIST, optimizer(model), practice=Practice())


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (nn.MSELoss(reduction="none"), r"shape \(8, 1\), torch.float32; one real number"),
        (lambda out, y: torch.complex(*[nn.functional.mse_loss(out, y)] * 2), "torch.complex64; one real number"),
        (lambda out, y: nn.functional.mse_loss(out, y).item(), "it gives a float"),
        (lambda out, y: None, "it gives a NoneType"),
    ],
)
def test_a_loss_that_is_not_one_number_is_refused(loss: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        InProcess(model := nn.Linear(5, 1), loss, LIST, torch.optim.SGD(model.parameters()), practice=Practice())


@pytest.mark.parametrize("seed", ["one", 1.0, None, True])
def test_a_seed_that_is_no_whole_number_is_refused(seed: Any) -> None:
    model = nn.Linear(5, 1)
    with pytest.raises(ArgumentError, match=f"seed={seed!r}: a whole number"):
        InProcess(
            model, nn.functional.mse_loss, LIST, torch.optim.SGD(model.parameters()), practice=Practice(), seed=seed
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"accumulate": 0}, "accumulate=0"),
        ({"max_norm": 0.0}, "max_norm=0.0"),
        ({"max_norm": "1"}, "max_norm='1'"),
        ({"scaler": 3}, "scaler=3"),
    ],
)
def test_practice_is_checked(arguments: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        Practice(**arguments)
