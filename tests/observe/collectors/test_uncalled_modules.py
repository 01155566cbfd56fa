from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import UncalledModule, UncalledModules, Unread


class Net(nn.Module):
    """A net of which some parts never run."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.norm = nn.LayerNorm(8)
        self.switched = nn.Linear(8, 8)
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.prototype = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(self.prototype, 1, enable_nested_tensor=False)
        self.last = nn.Linear(8, 2)
        self.pooler = nn.Linear(8, 8)

    def forward(self, x: Tensor, *, switch: bool = False) -> Tensor:
        x = self.first(x)
        if switch:
            x = self.switched(x)
        for block in self.blocks[:2]:
            x = block(x)
        return self.last(self.encoder(x[:, None])[:, 0])


def uncalled(folder: Path, model: nn.Module, *, steps: int = 4) -> UncalledModules | None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.randn(5, 4)).square().mean().backward()
            optimizer.step()
    with Run.open(folder) as run:
        return run.fact(UncalledModules)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, UncalledModule]:
    fact = uncalled(tmp_path_factory.mktemp("run"), Net())
    assert fact is not None
    assert fact.steps == 4
    return {module.path: module for module in fact.modules}


def test_the_outermost_modules_without_a_call_are_named(found: dict[str, UncalledModule]) -> None:
    assert list(found) == ["norm", "switched", "blocks.2", "prototype", "pooler"]
    assert found["norm"].parameters == ("norm.weight", "norm.bias")
    assert len(found["prototype"].parameters) == 12


@pytest.mark.parametrize(
    ("path", "place", "mentioned", "copied"),
    [
        ("norm", "between", False, False),
        ("switched", "between", True, False),
        ("blocks.2", "list", False, False),
        ("prototype", "between", False, True),
        ("pooler", "elsewhere", False, False),
    ],
)
def test_what_suggests_that_it_was_meant_to_act(
    path: str, place: str, mentioned: bool, copied: bool, found: dict[str, UncalledModule]
) -> None:
    module = found[path]
    assert (module.place, module.mentioned, module.copied, module.users) == (place, mentioned, copied, True)


def test_nothing_is_named_where_all_runs(tmp_path: Path) -> None:
    fact = uncalled(tmp_path, nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)))
    assert fact is not None
    assert fact.modules == ()


def test_a_module_may_be_known_by_a_variable(tmp_path: Path) -> None:
    first, block, last = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 2)
    model = nn.ModuleList([first, block, last])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(4):
            optimizer.zero_grad()
            last(checkpoint(block, first(torch.randn(5, 4)), use_reentrant=True)).square().mean().backward()
            optimizer.step()
    assert observer.failure is None
    with Run.open(tmp_path) as run:
        assert not run.facts(Unread)


def test_attention_takes_the_weights_of_its_parts(tmp_path: Path) -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.last = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 2)
            self.first = nn.Linear(4, 8)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                hidden = self.first(x)[:, None]
                hidden = self.attention(hidden, hidden, hidden)[0]
            return self.last(hidden[:, 0])

    found = uncalled(tmp_path, Frozen())
    assert found is None or not found.modules
