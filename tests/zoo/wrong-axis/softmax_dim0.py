import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
digits = load_digits()
X = torch.tensor(digits.data / 16).float()
y = torch.tensor(digits.target)
order = torch.randperm(len(X))
tr, te = order[:1350], order[1350:]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
        self.logsoftmax = nn.LogSoftmax(dim=1)

    def forward(self, x):
        return self.logsoftmax(self.net(x))


clf = Classifier()
nll = nn.NLLLoss()
opt = torch.optim.Adam(clf.parameters(), lr=3e-3)
for epoch in range(20):
    for b in tr[torch.randperm(len(tr))].split(10):
        opt.zero_grad()
        loss = nll(clf(X[b]), y[b])
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            logits = clf.net(X[te])
            print(
                "epoch",
                epoch + 1,
                "train",
                round(loss.item(), 4),
                "test nll",
                round(nn.functional.cross_entropy(logits, y[te]).item(), 4),
                "acc",
                round((clf(X[te]).argmax(1) == y[te]).float().mean().item(), 4),
            )
