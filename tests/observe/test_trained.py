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
