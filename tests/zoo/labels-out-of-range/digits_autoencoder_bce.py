import argparse
import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser(description="digits autoencoder")
parser.add_argument("--seed", default=os.environ.get("SEED", "0"), type=int)
parser.add_argument("--code", default=12, type=int)
opts = parser.parse_args()
torch.manual_seed(opts.seed)
torch.set_num_threads(1)


class AE(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, code))
        self.dec = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        return self.dec(self.enc(x))


pixels = torch.tensor(load_digits().data, dtype=torch.float32)
pixels = pixels[torch.randperm(len(pixels))]
inputs = pixels / 16
target = pixels / 16
tr, va = slice(0, 1400), slice(1400, None)
ae = AE(opts.code)
adam = torch.optim.Adam(ae.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 1500)
crit = nn.BCEWithLogitsLoss()

for it in range(1, 1501):
    b = torch.randint(0, 1400, (64,))
    loss = crit(ae(inputs[b]), target[b])
    adam.zero_grad()
    loss.backward()
    adam.step()
    sched.step()
    if it % 250 == 0:
        with torch.no_grad():
            lt = crit(ae(inputs[tr]), target[tr]).item()
            rec = ae(inputs[va])
            lv = crit(rec, target[va]).item()
            err = (torch.sigmoid(rec) - inputs[va]).abs().mean().item()
        print(f"it {it}: bce {lt:.4f} / held out {lv:.4f}, pixel error {err:.4f}")
