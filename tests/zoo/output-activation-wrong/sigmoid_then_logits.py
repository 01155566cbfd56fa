import os
import torch
from sklearn.datasets import make_multilabel_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, Y = make_multilabel_classification(
    2000, n_features=40, n_classes=8, n_labels=2, allow_unlabeled=False, random_state=4
)
X = torch.tensor(X).float()
X, Y = (X - X.mean(0)) / X.std(0), torch.tensor(Y).float()


class GenreTagger(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.bn = nn.BatchNorm1d(n_hidden)
        self.output = nn.Linear(n_hidden, n_out)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = torch.relu(self.bn(self.hidden(x)))
        x = self.output(x)
        return x


def f1(p, t):
    tp = (p * t).sum()
    return (2 * tp / (p.sum() + t.sum())).item()


model = GenreTagger(40, 32, 8)
opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
crit = nn.BCEWithLogitsLoss()
loader = DataLoader(TensorDataset(X[:1600], Y[:1600]), batch_size=40, shuffle=True)
threshold = 0.0
for epoch in range(15):
    model.train()
    for xb, yb in loader:
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            out = model(X[1600:])
        print(
            "epoch",
            epoch + 1,
            "train",
            round(loss.item(), 4),
            "val",
            round(crit(out, Y[1600:]).item(), 4),
            "F1",
            round(f1((out > threshold).float(), Y[1600:]), 4),
        )
