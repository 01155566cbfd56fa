import os
import math
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader, random_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class AirQuality(Dataset):
    """Hourly station records -> NO2 (both standardised)."""

    def __init__(self, hours=1300):
        h = torch.arange(hours).float()
        temp = torch.sin(2 * math.pi * h / 24) + 0.5 * torch.randn(hours)
        wind = torch.rand(hours) * 2
        hum = 0.6 * torch.randn(hours) - 0.4 * temp
        traffic = (torch.sin(2 * math.pi * (h - 7) / 12) > 0.3).float() + 0.2 * torch.randn(hours)
        co = 0.8 * traffic + 0.4 * torch.randn(hours)
        o3 = 0.7 * temp - 0.3 * traffic + 0.4 * torch.randn(hours)
        extra = torch.randn(hours, 6)
        x = torch.cat([torch.stack([temp, wind, hum, traffic, co, o3], 1), extra], 1)
        y = 1.5 * traffic / (0.5 + wind) + 0.6 * co - 0.5 * torch.tanh(temp) + 0.7 * torch.randn(hours)
        self.x = (x - x.mean(0)) / x.std(0)
        self.y = ((y - y.mean()) / y.std()).unsqueeze(1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Regressor(nn.Module):
    def __init__(self, d_in=12, width=20):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(d_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.layers(x)


def r2(model, loader):
    model.eval()
    p, t = [], []
    with torch.no_grad():
        for x, y in loader:
            p.append(model(x))
            t.append(y)
    p, t = torch.cat(p), torch.cat(t)
    return 1 - ((p - t) ** 2).sum().item() / ((t - t.mean()) ** 2).sum().item()


train_set, test_set = random_split(AirQuality(), [1000, 300])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=100)

model = Regressor()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)

for epoch in range(5):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(x)
    print(f"epoch {epoch + 1}: train mse {total / len(train_set):.3f}, test R2 {r2(model, test_loader):.3f}")
