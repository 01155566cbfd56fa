"""Digits MLP with a small Trainer, early stopping and best-weights restore."""
import copy
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=6):
        self.patience, self.best, self.bad, self.state = patience, float("inf"), 0, None

    def __call__(self, value, model):
        if value < self.best - 1e-4:
            self.best, self.bad = value, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience


class Trainer:
    def __init__(self, model, lr=1e-3, device="cpu"):
        self.model = model.to(device)
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.05)

    def epoch(self, loader, train):
        self.model.train(train)
        loss_sum = hits = n = 0
        with torch.set_grad_enabled(train):
            for x, y in loader:
                out = self.model(x)
                loss = self.loss(out, y)
                if train:
                    self.opt.zero_grad(set_to_none=True)
                    loss.backward()
                    self.opt.step()
                loss_sum += loss.item() * len(y)
                hits += (out.argmax(-1) == y).sum().item()
                n += len(y)
        return loss_sum / n, hits / n

    def fit(self, train, val, epochs, stopper):
        for e in range(1, epochs + 1):
            tl, ta = self.epoch(train, True)
            vl, va = self.epoch(val, False)
            if e % 5 == 0:
                print(f"epoch {e:2d}  train {tl:.4f}/{ta:.3f}  val {vl:.4f}/{va:.3f}")
            if stopper(vl, self.model):
                print("early stop at epoch", e)
                break
        self.model.load_state_dict(stopper.state)


torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 4.9) / 6.0, dtype=torch.float32)
y = torch.tensor(y)
tr, rest = train_test_split(range(len(y)), test_size=0.4, stratify=y, random_state=0)
va, te = rest[::2], rest[1::2]
mk = lambda ix, sh: DataLoader(TensorDataset(X[ix], y[ix]), batch_size=32, shuffle=sh)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
t = Trainer(model, lr=2e-3)
t.fit(mk(tr, True), mk(va, False), epochs=25, stopper=EarlyStopping())
print("test loss %.4f acc %.4f" % t.epoch(mk(te, False), False))
