import copy
import os

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_classification(5000, 20, n_informative=8, n_redundant=4, n_classes=4, class_sep=1.6, random_state=seed)
X = torch.tensor((X - X[:4000].mean(0)) / X[:4000].std(0), dtype=torch.float32)
y = torch.tensor(y)
train = DataLoader(TensorDataset(X[:4000], y[:4000]), batch_size=64, shuffle=True)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
ce = nn.CrossEntropyLoss()


def range_test(model, low=1e-4, high=5.0, steps=120):
    model = copy.deepcopy(model)
    opt = torch.optim.SGD(model.parameters(), lr=low, momentum=0.9)
    batches, rates, smooth, losses = iter(train), [], None, []
    for k in range(steps):
        try:
            xb, yb = next(batches)
        except StopIteration:
            batches = iter(train)
            xb, yb = next(batches)
        rate = low * (high / low) ** (k / (steps - 1))
        opt.param_groups[0]["lr"] = rate
        loss = ce(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        smooth = loss.item() if smooth is None else 0.9 * smooth + 0.1 * loss.item()
        rates.append(rate)
        losses.append(smooth)
        if smooth > 3 * min(losses):
            break
    best = min(range(len(losses)), key=losses.__getitem__)
    return rates[best] / 5


rate = min(range_test(net), 0.05)
print(f"suggested rate {rate:.4f}")
epochs = 20
opt = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=rate, epochs=epochs, steps_per_epoch=len(train))
for epoch in range(epochs):
    net.train()
    total = 0.0
    for xb, yb in train:
        loss = ce(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() / len(train)
    net.eval()
    with torch.no_grad():
        out = net(X[4000:])
    acc = (out.argmax(1) == y[4000:]).float().mean()
    print(f"epoch {epoch + 1} train {total:.4f} val {ce(out, y[4000:]):.4f} acc {acc:.4f}")
