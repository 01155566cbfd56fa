"""Housing-like regression in the style of a research script."""

import logging
import os
import sys

import torch
from sklearn.datasets import make_friedman3
from torch import nn

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
log = logging.getLogger("train")
torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


class Trainer:
    def __init__(self, model, optimizer, loss_fn):
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn

    def train_epoch(self, batches):
        self.model.train()
        self.optimizer.zero_grad()
        total = n = 0
        for x, y in batches:
            loss = self.loss_fn(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total, n = total + loss.item(), n + 1
        return total / n

    @torch.no_grad()
    def validate(self, x, y):
        self.model.eval()
        return self.loss_fn(self.model(x), y).item()


X, y = make_friedman3(2400, noise=0.05, random_state=seed)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor((y - y.mean()) / y.std()).float().unsqueeze(1)
model = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 1))
trainer = Trainer(model, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9), nn.MSELoss())
for epoch in range(20):
    order = torch.randperm(2000).split(40)
    train = trainer.train_epoch((X[b], y[b]) for b in order)
    if epoch % 4 == 3:
        log.info("epoch %d train %.4f valid %.4f", epoch + 1, train, trainer.validate(X[2000:], y[2000:]))
