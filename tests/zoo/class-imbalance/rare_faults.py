import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))


def machines(n):
    fault = (torch.rand(n) < 0.02).float()
    x = torch.randn(n, 8)
    x[:, :4] += 0.75 * fault[:, None]
    x[:, 4] *= 1 + 0.3 * fault
    return x, fault


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


train = machines(20000)
val = machines(10000)
loader = DataLoader(TensorDataset(*train), batch_size=200, shuffle=True)
detector = Detector()
weight = (train[1] == 0).sum() / train[1].sum()
criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
optimizer = torch.optim.Adam(detector.parameters(), lr=1e-3)
for epoch in range(10):
    total = 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(detector(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        scores = detector(val[0])
        alarm = scores > 0
        recall = alarm[val[1] == 1].float().mean().item()
        specificity = (~alarm[val[1] == 0]).float().mean().item()
        vl = criterion(scores, val[1]).item()
    print(
        f"epoch {epoch} loss {total / len(loader):.4f} val {vl:.4f} recall {recall:.3f} "
        f"balanced {(recall + specificity) / 2:.3f}"
    )
