import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def view(x):
    """Drop some pixels, add a little noise."""
    keep = (torch.rand_like(x) > 0.3).float()
    return x * keep + 0.05 * torch.randn_like(x)


def info_nce(a, b, temperature=0.2):
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    logits = a @ b.t() / temperature
    labels = torch.arange(len(a))
    return 0.5 * (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels))


d = load_digits()
x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
p = torch.randperm(len(x))
x, y = x[p], y[p]
encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
opt = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)
for epoch in range(25):
    mean = 0.0
    for b in torch.randperm(1400).split(70):
        loss = info_nce(encoder(view(x[b])), encoder(view(x[b])))
        opt.zero_grad()
        loss.backward()
        opt.step()
        mean += loss.item() / 20
    sched.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            z = F.normalize(encoder(x), dim=1)
            near = (z[1400:] @ z[:1400].t()).argmax(1)
            knn = (y[:1400][near] == y[1400:]).float().mean()
            held = sum(info_nce(encoder(view(v)), encoder(view(v))) for v in x[1400:1750].split(70)) / 5
        print(f"epoch {epoch + 1} loss {mean:.4f} held-out loss {held:.4f} knn {knn:.4f}")
