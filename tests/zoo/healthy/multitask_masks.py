"""One trunk, three tasks (type, dose, side effects), each sample labelled for some of the tasks only."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class Compounds(Dataset):
    def __init__(self, n, missing):
        w = np.random.default_rng(11)
        A, B, C = w.normal(size=(10, 4)), w.normal(size=(10,)), w.normal(size=(10, 3))
        x = rng.normal(size=(n, 10))
        kind = (x @ A + 0.1 * rng.normal(size=(n, 4))).argmax(1)
        dose = np.tanh(x @ B / 2) + 0.5 * x[:, 0] * x[:, 1] + 0.1 * rng.normal(size=n)
        side = (x @ C + 0.2 * rng.normal(size=(n, 3)) > 0).astype(np.float32)
        kind[rng.random(n) < missing] = -100
        dose[rng.random(n) < missing] = np.nan
        side_known = (rng.random((n, 3)) >= missing).astype(np.float32)
        self.items = (
            torch.tensor(x, dtype=torch.float32),
            torch.tensor(kind),
            torch.tensor(np.nan_to_num(dose), dtype=torch.float32),
            torch.tensor(~np.isnan(dose)),
            torch.tensor(side),
            torch.tensor(side_known),
        )

    def __len__(self):
        return len(self.items[0])

    def __getitem__(self, i):
        return tuple(t[i] for t in self.items)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.heads = nn.ModuleDict({"kind": nn.Linear(48, 4), "dose": nn.Linear(48, 1), "side": nn.Linear(48, 3)})

    def forward(self, x):
        h = self.trunk(x)
        return {k: head(h) for k, head in self.heads.items()}


def total_loss(out, kind, dose, has_dose, side, side_known):
    l_kind = nn.functional.cross_entropy(out["kind"], kind, ignore_index=-100)
    sq = (out["dose"].squeeze(1) - dose) ** 2
    l_dose = (sq * has_dose).sum() / has_dose.sum().clamp(min=1)
    bce = nn.functional.binary_cross_entropy_with_logits(out["side"], side, reduction="none")
    l_side = (bce * side_known).sum() / side_known.sum().clamp(min=1)
    return l_kind, l_dose, l_side


train = DataLoader(Compounds(5000, 0.4), batch_size=100, shuffle=True)
test = Compounds(1000, 0.0).items
net = Net()
opt = torch.optim.RMSprop(net.parameters(), lr=2e-3)
epochs = 20
sched = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=epochs * len(train), power=1.5)

for ep in range(epochs):
    net.train()
    sums = np.zeros(3)
    for x, *rest in train:
        parts = total_loss(net(x), *rest)
        loss = parts[0] + 0.5 * parts[1] + parts[2]
        net.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        sums += [p.item() for p in parts]
    net.eval()
    with torch.no_grad():
        out = net(test[0])
        acc = (out["kind"].argmax(1) == test[1]).float().mean().item()
        mse = nn.functional.mse_loss(out["dose"].squeeze(1), test[2]).item()
        side = ((out["side"] > 0) == (test[4] > 0.5)).float().mean().item()
        vl = [v.item() for v in total_loss(out, *test[1:])]
    print(
        f"{ep:2d} train "
        + " ".join(f"{v:.3f}" for v in sums / len(train))
        + " test "
        + " ".join(f"{v:.3f}" for v in vl)
        + f" | kind {acc:.3f} dose mse {mse:.3f} side {side:.3f}"
    )
