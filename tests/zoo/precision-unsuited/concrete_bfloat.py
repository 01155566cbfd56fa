"""Fine, slow descent on a smooth regression, computed in bfloat16."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

x = torch.randn(2000, 8)
y = torch.sin(x[:, :3].sum(1, keepdim=True)) + 0.5 * x[:, 3:4] * x[:, 4:5]
x_test, y_test, x, y = x[1600:], y[1600:], x[:1600], y[:1600]

weights = torch.float32
model = nn.Sequential(nn.Linear(8, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 1)).to(weights)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
for epoch in range(60):
    total = 0.0
    for rows in torch.randperm(1600).split(64):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = model(x[rows].to(weights))
        loss = nn.functional.mse_loss(prediction.float(), y[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(f"epoch {epoch}: train {total / 25:.4f}")
with torch.no_grad():
    print(f"test mse {nn.functional.mse_loss(model(x_test.to(weights)).float(), y_test).item():.4f}")
