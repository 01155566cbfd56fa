from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, weights
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.axes_exchanged import AxesExchanged

VIEWS = Change(remedy="axes-exchanged", settings={"of": "views"})
LAYERS = Change(remedy="axes-exchanged", settings={"of": "layers"})


class Net(nn.Module):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.recurrent = nn.GRU(3, 8, batch_first=fault != "layers")
        self.last = nn.Linear(8, 2)

    def forward(self, x_NFT: torch.Tensor) -> torch.Tensor:
        examples, features, steps = x_NFT.shape
        x = x_NFT.view(examples, steps, features) if self.fault == "views" else x_NFT.transpose(1, 2)
        return self.last(self.recurrent(x)[0][:, -1])


def train(fault: str = "") -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = torch.randn(40, 3, 7), torch.arange(40) % 2
    model = Net(fault)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(8):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def test_it_gives_what_the_repaired_script_gives() -> None:
    expected = weights(train())
    assert torch.equal(changed_by(VIEWS, lambda: train("views")), expected)
    assert torch.equal(changed_by(LAYERS, lambda: train("layers")), expected)


def test_views_that_join_or_split_axes_stay() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    with applied(VIEWS):
        assert torch.equal(x.view(6, 4), x.flatten(0, 1))
        assert x.reshape(2, 12).shape == (2, 12)
        assert not changed()
        assert torch.equal(x.reshape(2, 4, 3), x.transpose(1, 2))
    assert changed()


def test_axes_that_were_joined_in_one_order_are_split_in_it() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    with applied(VIEWS):
        assert torch.equal(x.flatten(0, 1).view(3, 2, -1), x.transpose(0, 1))
        assert torch.equal(x.flatten(0, 1).view(2, 3, -1), x)
        assert torch.equal(x.reshape(3, -1), x.transpose(0, 1).flatten(1))
        assert torch.equal(x.reshape(2, -1), x.flatten(1))
    assert changed()


def test_it_is_tried_where_it_was_seen(tmp_path: Path) -> None:
    remedy = AxesExchanged()
    with recorded(tmp_path / "views", lambda: train("views")) as run:
        assert list(remedy.candidates(run, None)) == [VIEWS]
        assert remedy.words(VIEWS, run) == "with the axes transposed where a view renames them"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "layers", lambda: train("layers")) as run:
        assert list(remedy.candidates(run, None)) == [LAYERS]
        assert remedy.words(LAYERS, run) == "with batch_first=True in recurrent and attention layers"
    with recorded(tmp_path / "healthy", train) as run:
        assert list(remedy.candidates(run, None)) == []
