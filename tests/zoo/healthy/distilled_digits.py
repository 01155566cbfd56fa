# knowledge distillation: large teacher -> small student, digits
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

T = 3.0
ALPHA = 0.7

X, y = load_digits(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X / 16.0 - 0.3, y, test_size=0.25, stratify=y, random_state=SEED)
Xtr, Xte = torch.tensor(Xtr, dtype=torch.float32), torch.tensor(Xte, dtype=torch.float32)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)
loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=48, shuffle=True)

teacher = nn.Sequential(
    nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
)
student = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(Xte).argmax(1) == yte).float().mean().item()


def train_teacher(epochs=25):
    opt = torch.optim.AdamW(teacher.parameters(), lr=1e-3, weight_decay=1e-2)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for ep in range(epochs):
        teacher.train()
        for xb, yb in loader:
            opt.zero_grad()
            F.cross_entropy(teacher(xb), yb).backward()
            opt.step()
        sched.step()
    print(f"teacher accuracy {accuracy(teacher):.4f}")


def distill(epochs=45):
    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad_(False)
    opt = torch.optim.Adam(student.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for ep in range(epochs):
        student.train()
        soft_sum = hard_sum = 0.0
        for xb, yb in loader:
            with torch.no_grad():
                target = F.softmax(teacher(xb) / T, dim=1)
            logits = student(xb)
            soft = F.kl_div(F.log_softmax(logits / T, dim=1), target, reduction="batchmean") * T * T
            hard = F.cross_entropy(logits, yb)
            loss = ALPHA * soft + (1 - ALPHA) * hard
            opt.zero_grad()
            loss.backward()
            opt.step()
            soft_sum += soft.item()
            hard_sum += hard.item()
        sched.step()
        if ep % 5 == 4:
            print(
                f"student epoch {ep + 1}: soft {soft_sum / len(loader):.4f} hard {hard_sum / len(loader):.4f} "
                f"acc {accuracy(student):.4f}"
            )


train_teacher()
distill()
print(f"student accuracy {accuracy(student):.4f}")
