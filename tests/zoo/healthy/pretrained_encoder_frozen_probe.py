"""Pre-train a masked autoencoder on unlabelled digits, freeze its encoder, train a linear head on 900 labelled ones."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = load_digits(return_X_y=True)
X = torch.tensor((X - X.mean()) / X.std(), dtype=torch.float32)
y = torch.tensor(y)
pool, test = train_test_split(torch.arange(len(X)), test_size=400, stratify=y, random_state=SEED)
labelled = pool[:900]


class Encoder(nn.Module):
    def __init__(self, code=48):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, code))

    def forward(self, x):
        return self.layers(x)


def pretrain(encoder, epochs=28):
    decoder = nn.Sequential(nn.GELU(), nn.Linear(48, 128), nn.GELU(), nn.Linear(128, 64))
    opt = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        total = 0.0
        for idx in pool[torch.randperm(len(pool))].split(64):
            x = X[idx]
            hidden = torch.rand_like(x) < 0.3
            rebuilt = decoder(encoder(x.masked_fill(hidden, 0.0)))
            loss = ((rebuilt - x) ** 2)[hidden].mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        if epoch % 5 == 4:
            print(f"pretrain {epoch + 1} masked mse {total / len(pool):.4f}")


def linear_probe(encoder, epochs=20):
    for p in encoder.parameters():
        p.requires_grad_(False)
    encoder.eval()
    model = nn.Sequential(encoder, nn.BatchNorm1d(48, affine=False), nn.Linear(48, 10))
    opt = torch.optim.SGD(model[2].parameters(), lr=0.1, momentum=0.9, weight_decay=5e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        model[1].train()
        total = 0.0
        for idx in labelled[torch.randperm(len(labelled))].split(50):
            loss = nn.functional.cross_entropy(model(X[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        if epoch % 4 == 3:
            model.eval()
            with torch.no_grad():
                out = model(X[test])
            val = nn.functional.cross_entropy(out, y[test])
            acc = (out.argmax(1) == y[test]).float().mean()
            print(f"probe {epoch + 1} loss {total / len(labelled):.4f} test {val:.4f} acc {acc:.3f}")


encoder = Encoder()
pretrain(encoder)
linear_probe(encoder)
