import argparse
import os

import torch
from torch import nn

VOCAB, LENGTH = 8, 12


def task(n):
    """Tag every position with how often its token occurs in the sequence (capped at 4)."""
    x = torch.randint(0, VOCAB, (n, LENGTH))
    count = (x[:, :, None] == x[:, None]).sum(-1).clamp(max=4) - 1
    return x, count


class Tagger(nn.Module):
    def __init__(self, dim=48, heads=2, layers=2):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 96, dropout=0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(dim, 4)

    def forward(self, x):
        return self.out(self.enc(self.tok(x)))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--gamma", type=float, default=0.8)
    ap.add_argument("--lr", type=float, default=1e-3)
    args = ap.parse_args()
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    x, y = task(3000)
    xv, yv = task(600)
    model = Tagger()
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, args.gamma)
    ce = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(50):
            loss = ce(model(x[idx]).flatten(0, 1), y[idx].flatten())
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx) / len(x)
        sched.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = ce(out.flatten(0, 1), yv.flatten()).item()
            acc = (out.argmax(-1) == yv).float().mean().item()
        print(f"epoch {epoch + 1:2d} train {total:.4f} val {val:.4f} tags {acc:.4f}")


if __name__ == "__main__":
    main()
