import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16).float().view(-1, 1, 8, 8), torch.tensor(y)
p = torch.randperm(len(X))
train_x, train_y, test_x, test_y = X[p[:1300]], y[p[:1300]], X[p[1300:]], y[p[1300:]]


def batches(bs=64):
    for b in torch.randperm(len(train_x)).split(bs):
        yield train_x[b], train_y[b]


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(test_x).argmax(-1) == test_y).float().mean().item()


teacher = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 24, 3, padding=1),
    nn.BatchNorm2d(24),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.4),
    nn.Linear(24 * 16, 10),
)
opt = optim.Adam(teacher.parameters(), lr=2e-3)
for epoch in range(8):
    teacher.train()
    for xb, yb in batches():
        opt.zero_grad()
        loss = F.cross_entropy(teacher(xb), yb)
        loss.backward()
        opt.step()
print("teacher", accuracy(teacher))

for prm in teacher.parameters():
    prm.requires_grad = False
teacher.eval()

student = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
opt = optim.Adam(student.parameters(), lr=5e-3)
T, alpha = 3.0, 0.7
for epoch in range(30):
    student.train()
    for g in opt.param_groups:
        g["lr"] = 5e-3 * (1 - epoch / 30)
    for xb, yb in batches():
        with torch.no_grad():
            soft = F.softmax(teacher(xb) / T, dim=-1)
        logits = student(xb)
        distill = F.kl_div(F.log_softmax(logits / T, dim=-1), soft, reduction="batchmean") * T * T
        loss = alpha * distill + (1 - alpha) * F.cross_entropy(logits, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
print("student", accuracy(student), "loss", loss.item())
