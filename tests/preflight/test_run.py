import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from unstuck.preflight import CHECKS, Subject, run_checks
from unstuck.preflight.run import NAMES
from unstuck.record.checklist import Check
from unstuck.train import Recipe, subject_of

Make = Callable[..., Subject]


def test_a_sound_training_passes_every_check(subject: Make) -> None:
    checklist = run_checks(subject())
    assert checklist.ok, str(checklist)
    assert [check.code for check in checklist] == [f"P1{n:02}" for n in range(1, len(CHECKS) + 1)]
    assert {check.status for check in checklist} <= {"passed", "skipped"}, str(checklist)


def test_each_check_has_number_expectation_and_reason(subject: Make) -> None:
    optimizer_of = torch.optim.SGD
    model = nn.Linear(8, 3)
    for check in run_checks(subject(model, optimizer=optimizer_of(model.parameters(), lr=0.1, weight_decay=1e-3))):
        assert check.status in ("passed", "noted"), str(check)
        assert check.expected
        assert check.reason
        assert check.value is not None or check.name == "outputs fit"


def test_everything_is_left_bitwise_as_found() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 3))
    model[3].eval()
    x = torch.randn(64, 8)
    loader = DataLoader(
        TensorDataset(x, x[:, :3].argmax(dim=1)), 16, shuffle=True, generator=torch.Generator().manual_seed(5)
    )
    optimizer = torch.optim.Adam(model.parameters(), weight_decay=1e-3)
    model(x).sum().backward()
    optimizer.step()

    def state() -> list[torch.Tensor]:
        tensors = [*model.parameters(), *model.buffers(), x, torch.get_rng_state(), loader.generator.get_state()]
        tensors += [p.grad for p in model.parameters() if p.grad is not None]
        tensors += [v for s in optimizer.state.values() for v in s.values()]
        return [tensor.detach().clone() for tensor in tensors]

    def rest() -> list[object]:
        return [[m.training for m in model.modules()], random.getstate(), np.random.get_state()[1].tolist()]

    before, others = state(), rest()
    checklist = run_checks(
        Subject.of(model, nn.functional.cross_entropy, loader, optimizer=optimizer, validation=loader)
    )
    assert len(checklist.checks) == len(CHECKS)
    after = state()
    assert len(before) == len(after)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert others == rest()


@pytest.mark.parametrize("name", ["adam", "look-ahead-nesterov"])
def test_the_optimizer_that_will_train_is_not_stepped(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its warnings, as of gradients that were not taken ahead, are then left to the training."""
    subject = subject_of(Recipe.of({"data": {"name": "breast-cancer"}, "optimizer": {"name": name, "lr": 0.1}}))

    def stepped(closure: object = None) -> None:
        raise AssertionError(f"{name} was stepped")

    monkeypatch.setattr(subject.optimizer, "step", stepped)
    checklist = run_checks(subject)
    assert checklist.ok, str(checklist)
    assert checklist["overfits 20 examples"].status == "passed"
    assert checklist["labels and inputs matter"].status == "passed"
    assert not any("was stepped" in check.reason for check in checklist)


def test_inputs_that_a_model_changes_in_place_are_left_as_found(subject: Make) -> None:
    class Scaling(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.mul_(1.5))

    x = torch.randn(64, 8)
    before = x.clone()
    checklist = run_checks(subject(Scaling(8, 3), data=(x, x[:, :3].argmax(dim=1))))
    assert torch.equal(x, before)
    assert {check.status for check in checklist} <= {"passed", "skipped"}, str(checklist)
    assert checklist["examples keep apart"].status == "passed"


def test_a_check_that_raises_is_skipped_with_the_reason_once(subject: Make) -> None:
    class Strict(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training:
                raise KeyError("no evaluation")
            return super().forward(x)

    checklist = run_checks(subject(Strict(8, 3)))
    assert checklist.ok, str(checklist)
    assert sum("no evaluation" in check.reason for check in checklist) == 1, str(checklist)

    class Alone(nn.Linear):
        def __deepcopy__(self, memo: object) -> "Alone":
            raise RuntimeError("there is but one")

    single = run_checks(subject(Alone(8, 3)))
    assert sum("there is but one" in check.reason for check in single) == 1, str(single)


def test_a_model_that_raises_is_a_cross_and_all_else_is_left_out(subject: Make) -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise KeyError("no such layer")

    checklist = run_checks(subject(Broken()))
    assert [check.name for check in checklist.failures] == ["outputs fit"]
    assert sum("no such layer" in check.reason for check in checklist) == 1, str(checklist)
    assert len(checklist.checks) == len(CHECKS)


@pytest.mark.parametrize("keyed", [False, True])
def test_models_of_several_arguments_are_checked_by_position_and_by_name(subject: Make, keyed: bool) -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.hidden, self.last = nn.Linear(8, 32), nn.Linear(32, 3)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.last(torch.relu(self.hidden(a + b)))

    a, b = torch.randn(2, 400, 8, generator=torch.Generator().manual_seed(0))
    inputs = {"a": a, "b": b} if keyed else (a, b)
    checklist = run_checks(subject(Sum(), data=(inputs, (a + b)[:, :3].argmax(dim=1))))
    assert checklist.ok, str(checklist)
    skipped = {check.name for check in checklist if check.status == "skipped"}
    assert skipped == {"regularisation raises the loss"}


def test_names_are_those_that_the_checks_give_themselves(subject: Make) -> None:
    assert tuple(check.name for check in run_checks(subject())) == NAMES


def test_progress_hears_of_every_check(subject: Make) -> None:
    heard: list[Check] = []
    checklist = run_checks(subject(), CHECKS[:3], progress=heard.append)
    assert tuple(heard) == checklist.checks


@pytest.mark.slow
def test_the_default_recipe_takes_less_than_five_seconds() -> None:
    checklist = run_checks(subject_of(Recipe.read()))
    assert checklist.ok, str(checklist)
    assert checklist.seconds < 5.0
