"""Whole scripts by what is shown of their learning: none that did not learn is called healthy, nor the other way."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from unstuck.record import Run
from unstuck.rules import judge

BEGINNING = """
import torch
from torch import nn
torch.manual_seed(0)
inputs = torch.randn(512, 4)
net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, {outputs}))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range({steps}):
    rows = torch.randint(512, (32,))
    x = inputs[rows]
{objective}
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""

REGRESSION = "loss = nn.functional.mse_loss(net(x), x[:, :1] - x[:, 1:2])"
NOISE = "loss = nn.functional.mse_loss(net(x), torch.randn(32, 1))"
HALF_NOISE = "loss = nn.functional.mse_loss(net(x), x[:, :1] + torch.randn(32, 1))"
CONSTANT = "loss = nn.functional.mse_loss(net(x), torch.full((32, 1), 0.7))"
ONE_CLASS = "loss = nn.functional.cross_entropy(net(x), torch.ones(32, dtype=torch.long))"
CLASSES = "loss = nn.functional.cross_entropy(net(x), (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long())"
RARE = """
rare = (x[:, :1] + 0.5 * torch.randn(32, 1) > 1.8).float()
loss = nn.functional.binary_cross_entropy_with_logits(net(x), rare, pos_weight=torch.tensor(20.0))
"""
POLICY = """
choice = torch.distributions.Categorical(logits=net(x))
action = choice.sample()
reward = (action == x.argmax(1)).float()
loss = {sign}(choice.log_prob(action) * (reward - reward.mean())).mean()
"""
BLOWN_UP = "loss = nn.functional.mse_loss(net(x), x[:, :1]) * 10.0 ** step"


@pytest.mark.parametrize(
    ("objective", "outputs", "kinds"),
    [
        (REGRESSION, 1, {"healthy"}),
        (CLASSES, 4, {"healthy"}),
        (RARE, 1, {"healthy", "improvable"}),
        (HALF_NOISE, 1, {"improvable"}),
        (NOISE, 1, {"not learnt"}),
        (BLOWN_UP, 1, {"not learnt"}),
        (CONSTANT, 1, {"cannot be told"}),
        (ONE_CLASS, 4, {"cannot be told"}),
        (POLICY.replace("{sign}", "-"), 4, {"cannot be told"}),
        (POLICY.replace("{sign}", ""), 4, {"cannot be told"}),
    ],
    ids=[
        "regression",
        "classes",
        "weighed-classes",
        "half-noise",
        "noise",
        "blown-up",
        "constant",
        "one-class",
        "policy",
        "policy-turned",
    ],
)
def test_what_is_shown(objective: str, outputs: int, kinds: set[str], tmp_path: Path, unstuck_in) -> None:
    verdict = _verdict(tmp_path, unstuck_in, objective, outputs)
    assert verdict.learning[0].shown in kinds, verdict.headline
    assert verdict.kind == "healthy" or kinds != {"healthy"}, verdict.headline
    assert verdict.kind != "healthy" or "healthy" in kinds, verdict.headline
    assert str(verdict.learning[0].training) == "`net`, train.py:7"
    assert json.dumps(verdict.to_dict())


def test_a_few_steps_are_not_enough(tmp_path: Path, unstuck_in) -> None:
    assert _verdict(tmp_path, unstuck_in, REGRESSION, 1, steps=5).kind == "not enough data"


def test_findings_come_before_what_is_shown(tmp_path: Path, unstuck_in) -> None:
    verdict = _verdict(tmp_path, unstuck_in, "loss = -nn.functional.mse_loss(net(x), x[:, :1])", 1)
    assert verdict.kind == "findings", verdict.headline


def _verdict(folder: Path, unstuck_in, objective: str, outputs: int, *, steps: int = 300):
    body = textwrap.indent(textwrap.dedent(objective).strip(), "    ")
    (folder / "train.py").write_text(BEGINNING.format(outputs=outputs, objective=body, steps=steps))
    unstuck_in(folder, "run", "--out", "run", "train.py")
    with Run.open(folder / "run") as run:
        return judge(run)
