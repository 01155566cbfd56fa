"""Targets that stand in the input are found, with what could keep the model from copying them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.visible_targets import Copied, copied
from unstuck.record import facts


class Noisy(nn.Module):
    """Adds noise to what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x + 0.1 * torch.randn_like(x))


class Coded(nn.Module):
    """Replaces what an encoder gives by the nearest of some vectors, with or without passing the gradient on."""

    def __init__(self, *, straight: bool) -> None:
        super().__init__()
        self.encoder, self.book, self.decoder = nn.Linear(6, 3), nn.Embedding(9, 3), nn.Linear(3, 6)
        self.straight = straight

    def forward(self, x: Tensor) -> Tensor:
        z = self.encoder(x)
        code = self.book(torch.cdist(z, self.book.weight).argmin(1))
        return self.decoder(z + (code - z).detach() if self.straight else code)


@pytest.fixture
def seen(watched: Any) -> Any:
    """What is told of some steps of a model whose target is made of its input."""

    def look(model: nn.Module, target: Any, *, steps: int = 3, columns: int = 6) -> list[facts.VisibleTarget]:
        torch.manual_seed(0)
        step = watched(model)
        for _ in range(steps):
            with step:
                x = torch.randn(16, columns)
                output = model(x)
                functional.mse_loss(output, target(x).reshape(output.shape)).backward()
                step.update()
        return step.facts(facts.VisibleTarget)

    return look


def test_a_target_that_is_the_input_is_found_with_the_way_to_it(seen: Any) -> None:
    (fact,) = seen(nn.Linear(6, 6), lambda x: x.clone())
    assert (fact.how, fact.looked, fact.equal, fact.wide, fact.noisy) == ("whole", 3, 3, True, False)
    assert (fact.file, fact.values) == (__file__, 6)


def test_noise_within_the_model_is_seen(seen: Any) -> None:
    (fact,) = seen(Noisy(), lambda x: x.clone())
    assert fact.noisy


def test_a_column_on_another_scale_is_found(seen: Any) -> None:
    (fact,) = seen(nn.Linear(6, 1), lambda x: 3.0 - 0.2 * x[:, 4])
    assert (fact.how, fact.column, fact.columns) == ("column", 4, 6)


def test_other_targets_leave_nothing(seen: Any) -> None:
    assert not seen(nn.Linear(6, 6), lambda x: x.roll(1, 0))
    assert not seen(nn.Linear(6, 1), lambda x: x[:, 0] * x[:, 1])


def test_the_last_part_of_a_sequence_is_found() -> None:
    x = torch.randn(8, 12)
    assert copied(x[:, -3:], x) == Copied("last")
    assert copied(x[:, :3], x) is None


def test_constant_targets_and_straight_lines_through_few_columns_are_no_copies() -> None:
    x = torch.randn(8, 2)
    assert copied(torch.ones(8), torch.ones(8, 4)) is None
    assert copied(2.0 * x[:, 0] + 1.0, x) is None


def test_labels_among_the_columns_are_found() -> None:
    labels = torch.tensor([0, 1, 2, 1, 0, 2])
    table = torch.cat([torch.randn(6, 3), labels[:, None].float()], dim=1)
    assert copied(labels, table) == Copied("column", 3, 4)


@pytest.mark.parametrize("straight", [True, False])
def test_an_output_that_leads_to_no_encoder_is_cut_off(seen: Any, straight: bool) -> None:
    (fact,) = seen(Coded(straight=straight), lambda x: x.clone())
    assert (fact.how, fact.looked, fact.chosen, fact.cut) == ("whole", 3, True, 0 if straight else 3)
