import argparse
import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)


def build(depth, width):
    dims = [64] + [width] * depth
    layers = []
    for d_in, d_out in zip(dims, dims[1:]):
        layers += [nn.Linear(d_in, d_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def main(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16 - 0.3, dtype=torch.float32), torch.tensor(y)
    idx = torch.randperm(len(x))
    train = DataLoader(TensorDataset(x[idx[:1437]], y[idx[:1437]]), batch_size=32, shuffle=True)
    xv, yv = x[idx[1437:]], y[idx[1437:]]

    model = build(args.depth, 48)
    model.apply(init_weights)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5, weight_decay=2e-3)
    for epoch in range(args.epochs):
        loss_sum = 0.0
        for xb, yb in train:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
        with torch.no_grad():
            out = model(xv)
            print(
                f"{epoch + 1}: loss={loss_sum / len(train):.4f} val={criterion(out, yv).item():.4f} acc={(out.argmax(1) == yv).float().mean().item():.4f}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=14)
    main(parser.parse_args())
