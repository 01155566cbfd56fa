"""Type of network connection from flow statistics (normal, scan, bruteforce, exfiltration)."""

import os

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, classification_report
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

CFG = dict(epochs=8, batch_size=128, lr=2e-3, weight_decay=1e-4, seed=int(os.environ.get("SEED", 0)))
NAMES = ["normal", "scan", "bruteforce", "exfiltration"]
SHARE = [0.964, 0.016, 0.012, 0.008]

rng = np.random.default_rng(CFG["seed"])
torch.manual_seed(CFG["seed"])


def flows(n):
    kind = rng.choice(4, size=n, p=SHARE)
    protocol = np.where(rng.random(n) < 0.2, rng.integers(0, 4, n), np.array([0, 1, 2, 0])[kind])
    numeric = rng.normal(0, 1, (n, 6))
    numeric[kind == 1, 0] += 1.3  # ports touched
    numeric[kind == 1, 1] -= 0.9  # bytes per packet
    numeric[kind == 2, 2] += 1.3  # failed logins
    numeric[kind == 2, 3] += 0.9  # connections a minute
    numeric[kind == 3, 4] += 1.4  # bytes out
    numeric[kind == 3, 5] += 1.0  # duration
    return np.exp(0.3 * numeric).astype(np.float32), protocol, kind


class FlowNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.protocol = nn.Embedding(4, 4)
        self.mlp = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 4))

    def forward(self, numeric, protocol):
        return self.mlp(torch.cat([numeric, self.protocol(protocol)], dim=1))


num_tr, proto_tr, y_tr = flows(24000)
num_te, proto_te, y_te = flows(12000)
scaler = StandardScaler().fit(num_tr)


def dataset(num, proto, y):
    return TensorDataset(torch.tensor(scaler.transform(num)), torch.tensor(proto), torch.tensor(y))


train_set, test_set = dataset(num_tr, proto_tr, y_tr), dataset(num_te, proto_te, y_te)
weights = 1.0 / np.bincount(y_tr)[y_tr]
sampler = WeightedRandomSampler(torch.tensor(weights), num_samples=len(y_tr))
train_loader = DataLoader(train_set, batch_size=CFG["batch_size"], sampler=sampler)
test_loader = DataLoader(test_set, batch_size=1000)

model = FlowNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=CFG["lr"], weight_decay=CFG["weight_decay"])
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, CFG["epochs"])
loss_fn = nn.CrossEntropyLoss()

for epoch in range(CFG["epochs"]):
    model.train()
    losses = []
    for numeric, protocol, y in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(numeric, protocol), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f}")

model.eval()
with torch.no_grad():
    pred = torch.cat([model(a, b).argmax(1) for a, b, _ in test_loader]).numpy()
print(classification_report(y_te, pred, target_names=NAMES, zero_division=0))
print(f"balanced accuracy {balanced_accuracy_score(y_te, pred):.3f}")
