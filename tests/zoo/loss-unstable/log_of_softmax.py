import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def nll(scores, labels):
    log_probs = torch.log_softmax(scores, dim=1)
    return -log_probs[torch.arange(len(labels)), labels].mean()


class Cosine(nn.Module):
    """Scores are scaled cosines between features and class directions."""

    def __init__(self, scale):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 24))
        self.classes = nn.Parameter(torch.randn(10, 24))
        self.scale = scale

    def forward(self, x):
        f = nn.functional.normalize(self.f(x), dim=1)
        c = nn.functional.normalize(self.classes, dim=1)
        return self.scale * f @ c.t()


d = load_digits()
x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
order = torch.randperm(len(x))
train, val = order[:1400], order[1400:]
model = Cosine(scale=120.0)
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 15)
for epoch in range(15):
    losses = []
    for idx in train[torch.randperm(1400)].split(50):
        loss = nll(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    if epoch % 3 == 2:
        with torch.no_grad():
            s = model(x[val])
        print(
            f"epoch {epoch + 1} loss {sum(losses) / 28:.4f} val {nll(s, y[val]).item():.4f} acc {(s.argmax(1) == y[val]).float().mean().item():.4f}"
        )
