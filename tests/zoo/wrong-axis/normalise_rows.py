# standardise by hand, then a small net for the three wine cultivars
import os
import torch
from sklearn.datasets import load_wine

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_wine(return_X_y=True)
X, y = torch.tensor(X).float(), torch.tensor(y)


def standardise(t, dim=0):
    return (t - t.mean(dim, keepdim=True)) / t.std(dim, keepdim=True)


X = standardise(X)
p = torch.randperm(178)
X, y = X[p], y[p]
net = torch.nn.Sequential(torch.nn.Linear(13, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5, weight_decay=1e-3)
for epoch in range(30):
    for i in range(0, 128, 16):
        loss = torch.nn.functional.cross_entropy(net(X[i : i + 16]), y[i : i + 16])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            o = net(X[128:])
        print(
            "epoch",
            epoch + 1,
            "test loss",
            torch.nn.functional.cross_entropy(o, y[128:]).item(),
            "acc",
            (o.argmax(1) == y[128:]).float().mean().item(),
        )
