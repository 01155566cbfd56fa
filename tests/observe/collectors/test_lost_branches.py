"""What becomes of a layer that gets no gradient is seen in the step after: cut off, unused, or returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import LostBranch


class Block(nn.Module):
    """Takes a condition, and does not read it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.layer(x)


class Conditioned(nn.Module):
    """A body, and a branch of which something is made."""

    def __init__(self, use: Callable[[Any, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.use, self.branch, self.block = use, nn.Linear(1, 4), Block()

    def forward(self, x: Tensor, t: Tensor) -> Any:
        return self.use(self, x, self.branch(t).tanh())


def under_no_grad(model: Conditioned, x: Tensor, condition: Tensor) -> Tensor:
    with torch.no_grad():
        condition = 2 * condition
    return model.block.layer(x) + condition


def in_halves(model: Conditioned, x: Tensor, condition: Tensor) -> Tensor:
    return model.block.layer(x) * condition.detach()


USES: dict[str, tuple[Callable[[Any, Tensor, Tensor], Any], dict[str, Any] | None]] = {
    "used": (lambda model, x, condition: model.block.layer(x) + condition, None),
    "not read": (lambda model, x, condition: model.block(x, condition), {"given_to": "block"}),
    "dropped": (lambda model, x, condition: model.block.layer(x), {"given_to": ""}),
    "returned": (lambda model, x, condition: (model.block.layer(x), condition), {"returned": True}),
    "detached": (in_halves, {"cut_by": "detach"}),
    "read": (lambda model, x, condition: model.block.layer(x) + condition.mean().item(), {"cut_by": "item"}),
    "in no_grad": (under_no_grad, {"cut_by": "mul under no_grad"}),
}


@pytest.mark.parametrize(("use", "wanted"), USES.values(), ids=USES.keys())
def test_what_becomes_of_a_branch(
    tmp_path: Path, use: Callable[[Any, Tensor, Tensor], Any], wanted: dict[str, Any] | None
) -> None:
    torch.manual_seed(0)
    model = Conditioned(use)
    with RunWriter(tmp_path / "run") as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(6):
            output = model(torch.rand(8, 4), torch.rand(8, 1))
            output = output[0] if isinstance(output, tuple) else output
            optimizer.zero_grad()
            output.square().mean().backward()
            optimizer.step()
    with Run.open(tmp_path / "run") as run:
        found = run.facts(LostBranch)
    assert len(found) == (wanted is not None)
    for fact in found:
        assert (fact.where, fact.file, fact.part) == ("branch", __file__, "branch")
        assert wanted is not None
        assert {name: getattr(fact, name) for name in wanted} == wanted
        assert bool(fact.cut_by) == ("cut_by" in wanted)
