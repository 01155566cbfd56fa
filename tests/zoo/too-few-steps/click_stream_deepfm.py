"""Click-through prediction from an endless stream of impressions (DeepFM)."""

import os

import torch
from sklearn.metrics import roc_auc_score
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))

FIELDS = [7, 24, 12, 16, 5, 10]  # weekday, hour, device, ad, place, segment
STEPS = 1500
BATCH = 256
LR = 2e-3

truth = [0.9 * torch.randn(k) for k in FIELDS]
ad_vec, seg_vec = torch.randn(FIELDS[3], 3), torch.randn(FIELDS[5], 3)


def impressions(batch):
    while True:
        x = torch.stack([torch.randint(0, k, (batch,)) for k in FIELDS], 1)
        score = -0.5 + sum(t[x[:, i]] for i, t in enumerate(truth)) * 0.8
        score = score + 0.6 * (ad_vec[x[:, 3]] * seg_vec[x[:, 5]]).sum(1)
        yield x, (torch.rand(batch) < torch.sigmoid(score)).float()


class DeepFM(nn.Module):
    def __init__(self, fields, dim=8):
        super().__init__()
        self.linear = nn.ModuleList([nn.Embedding(k, 1) for k in fields])
        self.factors = nn.ModuleList([nn.Embedding(k, dim) for k in fields])
        for e in self.linear:
            nn.init.zeros_(e.weight)
        for e in self.factors:
            nn.init.normal_(e.weight, std=0.2)
        self.deep = nn.Sequential(nn.Linear(dim * len(fields), 32), nn.ReLU(), nn.Linear(32, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        first = sum(e(x[:, i]) for i, e in enumerate(self.linear)).squeeze(1)
        v = torch.stack([e(x[:, i]) for i, e in enumerate(self.factors)], 1)
        second = 0.5 * (v.sum(1).pow(2) - v.pow(2).sum(1)).sum(1)
        return self.bias + first + second + self.deep(v.flatten(1)).squeeze(1)


stream = impressions(BATCH)
model = DeepFM(FIELDS)
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
loss_fn = nn.BCEWithLogitsLoss()

x_test, y_test = next(impressions(4000))
history = []
for step in range(1, STEPS + 1):
    x, y = next(stream)
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
    if step % max(1, STEPS // 10) == 0:
        recent = history[-max(1, STEPS // 10) :]
        print(f"step {step:5d}  log loss {sum(recent) / len(recent):.4f}")

model.eval()
with torch.no_grad():
    out = model(x_test)
print(f"test log loss {loss_fn(out, y_test):.4f}  AUC {roc_auc_score(y_test.numpy(), out.numpy()):.4f}")
