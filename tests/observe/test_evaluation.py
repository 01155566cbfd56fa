"""What evaluations between the steps of a training are seen to hold."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from unstuck import watch
from unstuck.record import Run
from unstuck.record.facts import Association, EvaluatedAssociation


def trained(folder: Path, *, scrambled: bool) -> Run:
    """A training that evaluates other examples after each epoch; scrambled, its own examples lose what tells them."""
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    labels = torch.randint(3, (600,))
    inputs = torch.randn(600, 6)
    inputs[torch.arange(600), labels] += 4.0
    with watch(model, optimizer, out=folder):
        for _ in range(3):
            for rows in torch.randperm(400).split(40):
                batch = inputs[rows]
                if scrambled:
                    batch = torch.stack([example[torch.randperm(6)] for example in batch])
                functional.cross_entropy(model(batch), labels[rows]).backward()
                optimizer.step()
                optimizer.zero_grad()
            model.eval()
            with torch.no_grad():
                right = (model(inputs[400:]).argmax(dim=1) == labels[400:]).sum().item()
            assert right >= 0
            model.train()
    return Run.open(folder)


def test_neighbours_tell_evaluated_examples_apart_from_training_ones(tmp_path: Path) -> None:
    for scrambled in (False, True):
        with trained(tmp_path / f"{scrambled}", scrambled=scrambled) as run:
            training, evaluated = run.fact(Association), run.fact(EvaluatedAssociation)
        assert training is not None
        assert evaluated is not None
        assert training.told is not None
        assert evaluated.told is not None
        assert evaluated.examples == 200
        assert evaluated.told > 0.8
        assert (training.told > 0.8) is not scrambled
