import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))


def weights_init(m):
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)


class DeepNet(nn.Module):
    """Seven layers, to see what depth brings on the 8x8 digits."""

    def __init__(self, d_in=64, d_hidden=48, depth=6, d_out=10, p=0.3):
        super().__init__()
        layers = []
        for i in range(depth):
            layers += [nn.Linear(d_in if i == 0 else d_hidden, d_hidden), nn.ReLU()]
        layers += [nn.Dropout(p), nn.Linear(d_hidden, d_out)]
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


def run_epoch(model, loader, loss_fn, opt=None):
    model.train(opt is not None)
    loss_sum, hits, n = 0.0, 0, 0
    with torch.set_grad_enabled(opt is not None):
        for x, y in loader:
            out = model(x)
            loss = loss_fn(out, y)
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                opt.step()
            loss_sum += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss_sum / n, hits / n


X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 4.884) / 6.017, dtype=torch.float32)
y = torch.tensor(y)
tr, te = train_test_split(range(len(y)), test_size=0.25, stratify=y, random_state=1)
train_loader = DataLoader(TensorDataset(X[tr], y[tr]), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(X[te], y[te]), batch_size=256)

model = DeepNet()
model.apply(weights_init)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-3)
scheduler = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[12, 18], gamma=0.2)

for epoch in range(24):
    tr_loss, tr_acc = run_epoch(model, train_loader, loss_fn, opt)
    te_loss, te_acc = run_epoch(model, test_loader, loss_fn)
    scheduler.step()
    print(f"{epoch + 1:3d} | train {tr_loss:.3f} {tr_acc:.3f} | test {te_loss:.3f} accuracy {te_acc:.4f}")
