"""Weights that were trained before are known, until somebody draws them anew."""

from __future__ import annotations

import gc
from pathlib import Path

import torch
from torch import nn

from unstuck.observe import Observer, trained
from unstuck.record import Run, RunWriter, facts


def train(model: nn.Module, folder: Path, steps: int = 3) -> tuple[facts.Parameter, ...]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=1.0):
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.randn(8, 64)).square().mean().backward()
            optimizer.step()
    with Run.open(folder) as run:
        model_fact = run.fact(facts.Model)
        assert model_fact is not None
        return model_fact.parameters


def test_a_second_training_does_not_begin_from_initial_weights(tmp_path: Path) -> None:
    model = nn.Linear(64, 64)
    assert [parameter.fresh for parameter in train(model, tmp_path / "first")] == [True, None]
    assert [parameter.fresh for parameter in train(model, tmp_path / "again")] == [False, False]


def test_weights_drawn_anew_are_initial_again(tmp_path: Path) -> None:
    model = nn.Linear(64, 64)
    train(model, tmp_path / "first")
    model.reset_parameters()
    assert train(model, tmp_path / "again")[0].fresh


def test_nothing_is_kept_of_weights_that_are_gone() -> None:
    weight = nn.Parameter(torch.randn(64))
    trained.note([weight], training=1)
    key = id(weight)
    assert key in trained._left
    del weight
    gc.collect()
    assert key not in trained._left


def test_a_training_goes_on_with_most_of_what_another_one_left() -> None:
    body, head = nn.Linear(64, 64), nn.Linear(64, 8)
    for number, parameters in enumerate(((body.weight,), (head.weight,))):
        trained.note(parameters, training=number, optimizer=10 + number)
    assert trained.continued([head.weight, nn.Parameter(torch.randn(64))], training=2) == (11,)
    assert trained.continued([body.weight, head.weight], training=2) == (10, 11)
    assert trained.continued([head.weight], training=1) == ()


def test_a_small_part_of_what_another_one_left_is_no_next_stage() -> None:
    body, head = nn.Linear(64, 64), nn.Linear(64, 8)
    trained.note([*body.parameters(), *head.parameters()], training=1, optimizer=10)
    assert trained.continued(head.parameters(), training=2) == ()


def test_weights_that_are_put_back_are_not_gone_on_with() -> None:
    weight = nn.Parameter(torch.randn(64))
    first = weight.detach().clone()
    trained.note([weight], training=1, optimizer=10)
    with torch.no_grad():
        weight += 0.1
    trained.note([weight], training=1, optimizer=10)
    assert trained.continued([weight], training=2) == (10,)
    with torch.no_grad():
        weight.copy_(first)
    assert trained.continued([weight], training=2) == ()
    trained.note([weight], training=1, optimizer=10)
    assert trained.continued([weight], training=2) == (), "even where that is the last that is seen of it"
