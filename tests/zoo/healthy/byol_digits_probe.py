"""BYOL on scikit-learn's digits: online and target network, no labels; then a linear probe."""

import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
images = (images - images.mean()) / images.std()
train_x, test_x, train_y, test_y = train_test_split(
    images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
)


def augment(x):
    n = len(x)
    angle = 0.25 * torch.randn(n)
    scale = 1 + 0.1 * torch.randn(n)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * angle.cos()
    theta[:, 0, 1] = -scale * angle.sin()
    theta[:, 1, 0] = scale * angle.sin()
    theta[:, 1, 1] = scale * angle.cos()
    theta[:, :, 2] = 0.15 * torch.randn(n, 2)
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False, padding_mode="border")
    return x + 0.2 * torch.randn_like(x)


def projector(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 64),
        )
        self.project = projector(64, 128, 32)

    def forward(self, x):
        return self.project(self.backbone(x))


online = Branch()
target = copy.deepcopy(online)
for p in target.parameters():
    p.requires_grad_(False)
predictor = projector(32, 64, 32)

optimizer = torch.optim.AdamW([*online.parameters(), *predictor.parameters()], lr=2e-3, weight_decay=1e-3)
epochs = 25
total_steps = epochs * (len(train_x) // 128)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total_steps)


def regression_loss(p, z):
    return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=-1).mean()


for epoch in range(epochs):
    online.train()
    target.train()
    predictor.train()
    order = torch.randperm(len(train_x))
    total = 0.0
    batches = [b for b in order.split(128) if len(b) == 128]
    for idx in batches:
        a, b = augment(train_x[idx]), augment(train_x[idx])
        with torch.no_grad():
            ta, tb = target(a), target(b)
        loss = 0.5 * (regression_loss(predictor(online(a)), tb) + regression_loss(predictor(online(b)), ta))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            for pt, po in zip(target.parameters(), online.parameters()):
                pt.lerp_(po, 0.03)
        total += loss.item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} byol loss {total / len(batches):.4f}")

online.eval()
with torch.no_grad():
    f_train, f_test = online.backbone(train_x), online.backbone(test_x)
f_mean, f_std = f_train.mean(0), f_train.std(0) + 1e-6
probe = LogisticRegression(max_iter=500, C=1.0).fit(((f_train - f_mean) / f_std).numpy(), train_y)
print(f"linear probe acc {probe.score(((f_test - f_mean) / f_std).numpy(), test_y):.3f}")
