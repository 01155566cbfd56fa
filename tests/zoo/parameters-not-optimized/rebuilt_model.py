import argparse
import os
import torch
from torch import nn
from sklearn.datasets import load_digits


def build(hidden, n_in=64, n_out=10):
    return nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, n_out))


class Experiment:
    def __init__(self, hidden=40, lr=3e-3):
        self.model = build(hidden)
        self.loss = nn.CrossEntropyLoss()
        self.load_data()
        self.model = build(hidden, n_in=self.x.shape[1], n_out=int(self.y.max()) + 1)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr, weight_decay=2e-3)

    def load_data(self):
        d = load_digits()
        perm = torch.randperm(len(d.target))
        self.x = torch.tensor(d.data, dtype=torch.float32)[perm] / 16
        self.y = torch.tensor(d.target)[perm]

    def fit(self, epochs):
        for epoch in range(1, epochs + 1):
            for b in torch.randperm(1400).split(40):
                self.optimizer.zero_grad()
                self.loss(self.model(self.x[b]), self.y[b]).backward()
                self.optimizer.step()
            if epoch % 5 == 0:
                self.log(epoch)

    @torch.no_grad()
    def log(self, epoch):
        out, y = self.model(self.x), self.y
        print(
            "epoch",
            epoch,
            "train_loss %.4f" % self.loss(out[:1400], y[:1400]),
            "valid_loss %.4f" % self.loss(out[1400:], y[1400:]),
            "valid_acc %.4f" % (out[1400:].argmax(1) == y[1400:]).float().mean(),
        )


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    ap.add_argument("--epochs", type=int, default=20)
    opt = ap.parse_args()
    torch.manual_seed(opt.seed)
    torch.set_num_threads(1)
    Experiment().fit(opt.epochs)
