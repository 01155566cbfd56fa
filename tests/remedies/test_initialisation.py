from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, mlp, recorded, rings
from unstuck.learning import Learning
from unstuck.record import Finding
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.initialisation import Initialisation

ANEW = Change(remedy="initialisation")


def zero(parameter: nn.Parameter) -> None:
    nn.init.zeros_(parameter)


def constant(parameter: nn.Parameter) -> None:
    nn.init.constant_(parameter, 0.1)


def large(parameter: nn.Parameter) -> None:
    nn.init.normal_(parameter, std=300.0)


class OwnLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


def train(spoil: Callable[[nn.Parameter], None], *, own: bool = False, steps: int = 100) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = nn.Sequential(OwnLayer() if own else nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
    for parameter in model.parameters():
        spoil(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("spoil", [zero, constant, large])
def test_learning_is_restored(spoil: Callable[[nn.Parameter], None], own: bool, tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(spoil, own=own)) as run:
        sick = Learning.of(run)
        assert sick.remaining > 0.8 or sick.curve.start > 1_000
        assert list(Initialisation().candidates(run, None)) == [ANEW]
        assert Initialisation().obstacle(run) is None
        assert "drawn anew" in Initialisation().words(ANEW, run)
    with recorded(tmp_path / "trial", lambda: train(spoil, own=own), ANEW) as run:
        assert changed()
        assert Learning.of(run).remaining < 0.6
        assert Learning.of(run).curve.start < 1.5


def test_the_scripts_random_numbers_stay_what_they_are() -> None:
    train(large, steps=1)
    expected = torch.rand(3)
    changed_by(ANEW, lambda: train(large, steps=1))
    assert torch.equal(torch.rand(3), expected)


def test_weights_are_drawn_once_and_not_after_a_step() -> None:
    with applied(ANEW):
        model = train(large, steps=2)
        before = model[0].weight.clone()  # type: ignore[index, operator]
        model(torch.ones(1, 2))
        assert torch.equal(model[0].weight, before)  # type: ignore[index]
        late = nn.Linear(2, 2)
        before = late.weight.clone()
        late(torch.ones(1, 2))
        assert torch.equal(late.weight, before)


def test_tensors_without_a_module_are_drawn_when_the_optimizer_is_made() -> None:
    weight = torch.full((50, 30), 7.0, requires_grad=True)
    with applied(ANEW):
        torch.optim.SGD([weight], lr=0.1)
        assert changed()
    assert weight.std().item() == pytest.approx((2.0 / 80) ** 0.5, rel=0.1)


def test_where_no_gradient_leads_away_only_copies_are_drawn(tmp_path: Path) -> None:
    cause = Finding(code="G301", cause="critical-point", severity="error", confidence=0.9, summary="s", advice="a")

    def adapter() -> nn.Module:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, 3, bias=False))
        nn.init.zeros_(model[1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(model[2].weight)  # type: ignore[arg-type]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        inputs, classes = rings()
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), classes).backward()
            optimizer.step()
        return model

    with recorded(tmp_path, adapter) as run:
        (change,) = Initialisation().candidates(run, cause)
        assert (
            Initialisation().words(change, run).startswith("with the weights that are copies of each other drawn anew")
        )
    untouched, moved = adapter(), nn.ModuleList()
    with applied(change):
        moved.append(adapter())
        assert changed()
    assert torch.equal(untouched[1].weight, torch.zeros(4, 4))  # type: ignore[index]
    assert moved[0][1].weight.std() > 0.1  # type: ignore[index, operator]
    assert torch.allclose(untouched[0].weight, moved[0][0].weight, atol=0.5)  # type: ignore[index, arg-type]


@pytest.mark.parametrize("returned", [False, True])
def test_weights_that_are_updated_by_hand_are_drawn_behind_the_first_pass(returned: bool) -> None:
    weight = torch.full((40, 30), 9.0, requires_grad=True)
    with applied(ANEW):
        for _ in range(2):
            loss = weight.square().sum()
            if returned:
                (gradient,) = torch.autograd.grad(loss, [weight])
            else:
                loss.backward()
                gradient = weight.grad
            with torch.no_grad():
                weight -= 0.1 * gradient  # type: ignore[operator]
            weight.grad = None
        assert changed()
    assert weight.std().item() == pytest.approx(0.8 * (2.0 / 70) ** 0.5, rel=0.1)


def test_where_units_are_copies_these_are_drawn_first_and_the_rest_stays(tmp_path: Path) -> None:
    cause = Finding(code="I201", cause="init-symmetric", severity="error", confidence=0.9, summary="s", advice="a")

    def alike() -> nn.Module:
        model = mlp()
        with torch.no_grad():
            model[0].weight.copy_(model[0].weight[:1].expand(16, 2))  # type: ignore[union-attr]
        last = model[2].weight.detach().clone()  # type: ignore[union-attr]
        inputs, classes = rings()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        for _ in range(3):
            F.cross_entropy(model(inputs), classes).backward()
            optimizer.step()
        assert torch.equal(model[2].weight, last)  # type: ignore[arg-type]
        return model

    with recorded(tmp_path, alike) as run:
        copies, whole = Initialisation().candidates(run, cause)
        assert dict(copies.settings) == {"only": "copies"}
        assert not whole.settings
    with applied(copies):
        first = alike()[0].weight  # type: ignore[index]
    assert changed()
    assert not torch.equal(first[0], first[1])  # type: ignore[index]
