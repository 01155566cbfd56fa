"""Digit classification with plain SGD and a callback-driven trainer."""
import argparse
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.02)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=32)
args = parser.parse_args()
torch.manual_seed(0)


class Callback:
    def after_backward(self, trainer): ...
    def after_epoch(self, trainer, logs): ...


class GradClip(Callback):
    def __init__(self, value):
        self.value = value

    def after_backward(self, trainer):
        nn.utils.clip_grad_norm_(trainer.model.parameters(), self.value)


class Logger(Callback):
    def after_epoch(self, trainer, logs):
        if trainer.epoch % 4 == 0:
            print(f"epoch {trainer.epoch:2d} " + " ".join(f"{k}={v:.4f}" for k, v in logs.items()))


class Trainer:
    def __init__(self, model, opt, loss_fn, callbacks):
        self.model, self.opt, self.loss_fn, self.cbs = model, opt, loss_fn, callbacks

    def fit(self, train, val, epochs, bs):
        x, y = train
        for self.epoch in range(1, epochs + 1):
            total = 0.0
            for idx in torch.randperm(len(x)).split(bs):
                self.opt.zero_grad()
                loss = self.loss_fn(self.model(x[idx]), y[idx])
                loss.backward()
                for cb in self.cbs:
                    cb.after_backward(self)
                self.opt.step()
                total += loss.item() * len(idx)
            with torch.no_grad():
                out = self.model(val[0])
                logs = {"loss": total / len(x), "val_loss": self.loss_fn(out, val[1]).item(),
                        "val_acc": (out.argmax(1) == val[1]).float().mean().item()}
            for cb in self.cbs:
                cb.after_epoch(self, logs)


X, y = load_digits(return_X_y=True)
xtr, xva, ytr, yva = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)
sc = StandardScaler().fit(xtr)
t = lambda a: torch.tensor(sc.transform(a), dtype=torch.float32)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
opt = torch.optim.SGD(model.parameters(), args.lr, args.momentum)
trainer = Trainer(model, opt, nn.CrossEntropyLoss(), [GradClip(1.0), Logger()])
trainer.fit((t(xtr), torch.tensor(ytr)), (t(xva), torch.tensor(yva)), args.epochs, args.batch_size)
