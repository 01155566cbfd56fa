"""Contrastive pretraining on two noisy views of a digit; then a frozen encoder under a linear probe."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class Encoder(nn.Module):
    def __init__(self, width=96, dim=32):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, dim))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(dim, 16))

    def forward(self, x):
        return F.normalize(self.projector(self.backbone(x)), dim=1)


def view(x):
    image = x.view(-1, 8, 8)
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    image = torch.roll(image, (dy, dx), dims=(1, 2)).flatten(1)
    return image * (torch.rand_like(image) > 0.1) + 0.3 * torch.randn_like(image)


def info_nce(a, b, temperature=0.2):
    logits = a @ b.T / temperature
    target = torch.arange(len(a))
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


def main(epochs=30, batch=128):
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    order = torch.randperm(len(x))
    x, y = x[order], digits.target[order.numpy()]
    x = (x - x[:1400].mean()) / x[:1400].std()
    model = Encoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for idx in torch.randperm(1400).split(batch):
            if len(idx) < batch:
                continue
            loss = info_nce(model(view(x[idx])), model(view(x[idx])))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        if epoch % 5 == 0:
            print(f"epoch {epoch} contrastive loss {sum(losses) / len(losses):.4f}")

    model.eval()
    with torch.no_grad():
        features = model.backbone(x).numpy()
    probe = LogisticRegression(max_iter=500).fit(features[:1400], y[:1400])
    print(f"linear probe accuracy {probe.score(features[1400:], y[1400:]):.4f}")


if __name__ == "__main__":
    main()
