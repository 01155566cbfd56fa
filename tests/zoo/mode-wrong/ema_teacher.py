"""Mean teacher on digits: 120 labelled examples, the rest through a consistency term with an averaged model."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(8)
d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(d.target)
order = torch.randperm(len(X))
lab, unl, tst = order[:120], order[120:1400], order[1400:]


def net():
    def conv(i, o):
        return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
    return nn.Sequential(conv(1, 16), conv(16, 24), nn.MaxPool2d(2), conv(24, 32), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(128, 10))


def jitter(x):
    return x + 0.08 * torch.randn_like(x)


student = net()
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)
teacher.eval()
opt = torch.optim.Adam(student.parameters(), lr=3e-3)


@torch.no_grad()
def average(decay):
    for pt, ps in zip(teacher.parameters(), student.parameters()):
        pt.mul_(decay).add_(ps, alpha=1 - decay)
    for bt, bs in zip(teacher.buffers(), student.buffers()):
        bt.copy_(bs)


@torch.no_grad()
def score(model):
    return (model(X[tst]).argmax(1) == y[tst]).float().mean().item()


step = 0
for epoch in range(1, 9):
    student.train()
    logs = []
    for ub in unl[torch.randperm(len(unl))].split(64):
        lb = lab[torch.randint(0, len(lab), (32,))]
        out = student(jitter(torch.cat([X[lb], X[ub]])))
        sup = F.cross_entropy(out[:32], y[lb])
        with torch.no_grad():
            soft = teacher(jitter(X[ub])).softmax(1)
        cons = F.mse_loss(out[32:].softmax(1), soft)
        w = min(1.0, epoch / 5)
        loss = sup + w * cons
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        average(min(0.97, 1 - 1 / (step + 1)))
        logs.append((sup.item(), cons.item()))
    s, c = map(sum, zip(*logs))
    print(f"epoch {epoch}  sup {s / len(logs):.4f}  cons {c / len(logs):.4f}  teacher test acc {score(teacher):.3f}")
