import os
import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class Spiral(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.output = nn.Linear(width, 2)

    def forward(self, x):
        return self.output(self.hidden(x))


def spirals(n):
    t = torch.rand(n) * 2 * 3.1416 + 0.6
    c = torch.randint(0, 2, (n,))
    r = t / 7
    pts = torch.stack([r * torch.cos(t + 3.1416 * c), r * torch.sin(t + 3.1416 * c)], 1)
    return 1.5 * (pts + 0.02 * torch.randn(n, 2)), c


x, y = spirals(1500)
xv, yv = spirals(500)
model = Spiral()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
criterion = nn.CrossEntropyLoss()
for epoch in range(40):
    for i in torch.randperm(1500).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x[i]), y[i])
        loss.backward()
        optimizer.step()
    scheduler.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            print(
                f"epoch {epoch}: train {criterion(model(x), y):.4f}, valid {criterion(model(xv), yv):.4f}, accuracy {(model(xv).argmax(1) == yv).float().mean():.4f}"
            )
