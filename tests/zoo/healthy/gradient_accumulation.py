import argparse
import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
ap.add_argument("--accumulate", type=int, default=4)
ap.add_argument("--batch", type=int, default=8)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

d = load_digits()
x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
p = torch.randperm(len(x))
loader = DataLoader(TensorDataset(x[p[:1408]], y[p[:1408]]), args.batch, shuffle=True, drop_last=True)
xv, yv = x[p[1408:]], y[p[1408:]]
model = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU(), nn.Dropout(0.1), nn.Linear(48, 10))
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
steps = 12 * len(loader) // args.accumulate
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
for epoch in range(12):
    model.train()
    shown = 0.0
    opt.zero_grad()
    for i, (xb, yb) in enumerate(loader, 1):
        loss = nn.functional.cross_entropy(model(xb), yb)
        (loss / args.accumulate).backward()
        shown += loss.item() / len(loader)
        if i % args.accumulate == 0:
            opt.step()
            sched.step()
            opt.zero_grad()
    model.eval()
    with torch.no_grad():
        out = model(xv)
    print(
        f"epoch {epoch + 1} loss {shown:.4f} valid loss {nn.functional.cross_entropy(out, yv):.4f} valid acc {(out.argmax(1) == yv).float().mean():.4f}"
    )
