"""Linear-softmax baseline and one hidden layer on wine + breast cancer style tabular data."""

import os
import torch
from sklearn.datasets import make_classification
from torch import nn, optim

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_classification(2500, 20, n_informative=10, n_classes=4, class_sep=1.6, flip_y=0.01, random_state=seed)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y)


def fit(model, epochs=12, lr=0.02, momentum=0.9):
    opt = optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    for epoch in range(epochs):
        total = 0.0
        for b in torch.randperm(2000).split(40):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(X[b]), y[b])
            loss.backward()
            opt.step()
            total += loss.item() / 50
        if epoch % 3 == 2:
            print("epoch", epoch + 1, "train loss %.4f" % total)
    return model


net = fit(nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 4)))
with torch.no_grad():
    out = net(X[2000:])
print(
    "validation loss %.4f accuracy %.4f"
    % (nn.functional.cross_entropy(out, y[2000:]), (out.argmax(1) == y[2000:]).float().mean())
)
