"""Card-fraud detector (simulated transactions, 1 % fraud)."""
import argparse
import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def simulate(n, rng):
    y = (rng.random(n) < 0.01).astype(np.float32)
    x = rng.normal(size=(n, 12)).astype(np.float32)
    x[:, :4] += 1.0 * y[:, None]
    x[:, 4] *= np.where(y == 1, 2.0, 1.0)
    return torch.tensor(x), torch.tensor(y)


class FraudNet(nn.Module):
    def __init__(self, d=12):
        super().__init__()
        self.seq = nn.Sequential(nn.Linear(d, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.seq(x).squeeze(1)


class Trainer:
    def __init__(self, model, loss_fn, optimizer):
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer

    def train_epoch(self, dl):
        self.model.train()
        total = 0.0
        for xb, yb in dl:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(xb), yb)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(dl)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        pred = (self.model(x) > 0).numpy()
        tn, fp, fn, tp = confusion_matrix(y.numpy(), pred, labels=[0, 1]).ravel()
        return dict(acc=(tp + tn) / len(y), recall=tp / (tp + fn), bal_acc=balanced_accuracy_score(y.numpy(), pred))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--bs", type=int, default=256)
    a = ap.parse_args()
    torch.manual_seed(4)
    rng = np.random.default_rng(4)
    xt, yt = simulate(40_000, rng)
    xv, yv = simulate(10_000, rng)
    model = FraudNet()
    trainer = Trainer(model, nn.BCEWithLogitsLoss(pos_weight=torch.tensor(99.0)), torch.optim.Adam(model.parameters(), lr=a.lr))
    dl = DataLoader(TensorDataset(xt, yt), batch_size=a.bs, shuffle=True)
    for ep in range(1, a.epochs + 1):
        loss = trainer.train_epoch(dl)
        if ep % 2 == 0:
            m = trainer.evaluate(xv, yv)
            print(f"epoch {ep:2d} loss {loss:.4f} " + " ".join(f"{k} {v:.4f}" for k, v in m.items()))


if __name__ == "__main__":
    main()
