"""A script of the Lightning Trainer, whose loop is not the user's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="lightning is not installed: pip install 'unstuck[frameworks]'")

SCRIPT = """
import sys, warnings
import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

warnings.filterwarnings("ignore")
L.seed_everything(0, verbose=False)


class Digits(L.LightningModule):
    def __init__(self, rate):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        self.rate = rate

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, index):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        print(index, F.cross_entropy(self(batch[0]), batch[1]).item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.rate)


x, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
train, val = random_split(data, [1400, 397])
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
trainer = L.Trainer(max_epochs=6, accelerator="cpu", **quiet)
trainer.fit(Digits(float(sys.argv[1])), DataLoader(train, 64, shuffle=True), DataLoader(val, 397))
"""


def run(folder: Path, rate: str, *watched: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *watched, "lit.py", rate]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=300
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "cause"), [("0.3", None), ("1e-6", "lr-too-low")])
def test_a_trainer_s_loop_is_seen_like_one_s_own(tmp_path: Path, rate: str, cause: str | None) -> None:
    (tmp_path / "lit.py").write_text(SCRIPT)
    plain = run(tmp_path, rate)
    watched = run(tmp_path, rate, "-m", "unstuck", "run", "--out", "run", "--json", "verdict.json")
    assert watched.startswith(plain)
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert [finding["cause"] for finding in verdict["findings"]] == ([cause] if cause else [])
    assert len(verdict["clear"]) > 30
