"""A regression of the strength of mixtures from eight columns."""
import torch
from torch import nn

torch.manual_seed(0)
features = torch.rand(1200, 8)
strength = 3 * features[:, 0] + torch.sin(4 * features[:, 1]) * features[:, 2] - 2 * features[:, 5] ** 2 + 0.1 * torch.randn(1200)
table = features.clone()
table = (table - table.mean(0)) / table.std(0)
model = nn.Sequential(nn.Linear(table.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(30):
    for rows in torch.randperm(1000).split(50):
        loss = nn.functional.mse_loss(model(table[rows]).squeeze(1), strength[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            print(epoch + 1, nn.functional.mse_loss(model(table[1000:]).squeeze(1), strength[1000:]).item())
