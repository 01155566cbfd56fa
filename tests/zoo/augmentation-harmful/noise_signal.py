import os
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class Beats(Dataset):
    """Heartbeat-like pulses; three shapes."""

    def __init__(self, n, train):
        t = np.linspace(0, 1, 48)
        self.y = rng.integers(0, 3, n)
        c = 0.5 + 0.05 * rng.standard_normal(n)
        w = np.array([0.05, 0.08, 0.05])[self.y]
        x = np.exp(-(((t - c[:, None]) / w[:, None]) ** 2) / 2)
        x -= 0.4 * (self.y == 2)[:, None] * np.exp(-(((t - c[:, None] - 0.15) / 0.04) ** 2) / 2)
        self.x = (x + 0.08 * rng.standard_normal(x.shape)).astype("float32")
        self.train = train

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        x = torch.from_numpy(self.x[i])
        if self.train:
            x = x * torch.empty(1).uniform_(0.8, 1.2) + 0.05 * torch.randn(48)
        return x, int(self.y[i])


train, test = DataLoader(Beats(1500, True), 50, shuffle=True), DataLoader(Beats(500, False), 500)
model = nn.Sequential(
    nn.Unflatten(1, (1, 48)), nn.Conv1d(1, 8, 9, padding=4), nn.ReLU(), nn.MaxPool1d(4), nn.Flatten(), nn.Linear(96, 3)
)
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(12):
    model.train()
    losses = []
    for x, y in train:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        x, y = next(iter(test))
        acc = (model(x).argmax(1) == y).float().mean()
    if epoch % 3 == 2:
        print(epoch + 1, "train", np.mean(losses).round(4), "test acc", round(acc.item(), 4))
