"""A training behind frozen embeddings states which checkpoints pass no gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import LostCheckpoint
from unstuck.rules import judge


class Net(nn.Module):
    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.embedding, self.layer, self.head = nn.Embedding(9, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.embedding.requires_grad_(False)
        self.reentrant = reentrant

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        hidden = checkpoint(self.layer, self.embedding(ids), use_reentrant=self.reentrant)
        return self.head(hidden.relu().mean(1))


@pytest.mark.filterwarnings("ignore:None of the inputs")
@pytest.mark.parametrize(("reentrant", "stated"), [(True, True), (False, False)])
def test_frozen_embeddings(tmp_path: Path, reentrant: bool, stated: bool) -> None:
    torch.manual_seed(0)
    model = Net(reentrant=reentrant)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for _ in range(20):
            ids = torch.randint(9, (16, 4))
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(ids), ids[:, 0] // 3).backward()
            optimizer.step()
    facts = Run.open(tmp_path).facts(LostCheckpoint)
    assert bool(facts) is stated
    assert all(fact.file == __file__ and fact.calls == 1 for fact in facts)
    found = [finding for finding in judge(Run.open(tmp_path)).findings if finding.code == "G203"]
    assert [finding.where.parameter for finding in found] == (["layer.weight"] if stated else [])
    assert all("use_reentrant=False" in finding.advice for finding in found)
