import argparse
import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_friedman1


def parse():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    p.add_argument("--epochs", type=int, default=48)
    p.add_argument("--lr", type=float, default=3e-3)
    return p.parse_args()


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(x), y).item()


def main():
    args = parse()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = make_friedman1(2000, n_features=8, noise=0.8, random_state=args.seed)
    x, y = torch.tensor(x * 2 - 1).float(), torch.tensor((y - y.mean()) / y.std()).float()[:, None]
    train, val = (x[:1600], y[:1600]), (x[1600:], y[1600:])
    loader = DataLoader(TensorDataset(*train), batch_size=80, shuffle=True)
    model = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    for epoch in range(1, args.epochs + 1):
        model.train()
        for xb, yb in loader:
            opt.zero_grad()
            nn.functional.mse_loss(model(xb), yb).backward()
            opt.step()
        if epoch % max(args.epochs // 6, 1) == 0:
            t, v = evaluate(model, *train), evaluate(model, *val)
            print(f"epoch {epoch} train {t:.4f} val {v:.4f} R2 {1 - v / val[1].var().item():.3f}")


main()
