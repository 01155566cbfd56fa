"""Each 8x8 digit is read as a sequence of eight rows by a transformer encoder with a CLS token."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

SEED = int(os.environ.get("SEED", 0))


class RowTransformer(nn.Module):
    def __init__(self, d_in=8, d_model=32, n_rows=8, n_layers=1, n_classes=10):
        super().__init__()
        self.embed = nn.Linear(d_in, d_model)
        self.cls = nn.Parameter(torch.randn(1, 1, d_model) * 0.02)
        self.pos = nn.Parameter(torch.randn(1, n_rows + 1, d_model) * 0.02)
        layer = nn.TransformerEncoderLayer(d_model, nhead=4, dim_feedforward=64, dropout=0.05, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, n_classes)

    def forward(self, x):
        tokens = self.embed(x)
        cls = self.cls.expand(len(x), -1, -1)
        tokens = torch.cat([cls, tokens], dim=1) + self.pos
        h = self.encoder(tokens)
        return self.head(self.norm(h[:, 0]))


def accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return right / total


def main():
    torch.manual_seed(SEED)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32) / 8.0 - 1.0
    y = torch.tensor(d.target)
    data = TensorDataset(x, y)
    train_set, test_set = random_split(data, [1437, 360])
    train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=64)

    model = RowTransformer()
    epochs = 18
    opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=4e-3, total_steps=epochs * len(train_loader))
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for x, y in train_loader:
            loss = loss_fn(model(x), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            total += loss.item()
        print(f"epoch {epoch:02d} loss={total / len(train_loader):.3f} test={accuracy(model, test_loader):.3f}")


main()
