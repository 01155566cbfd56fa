import os

import torch
import torch.nn.functional as F
from sklearn.datasets import make_multilabel_classification
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

counts, tags = make_multilabel_classification(
    n_samples=6000, n_features=30, n_classes=6, n_labels=2, length=60, random_state=SEED
)
X = torch.tensor(counts, dtype=torch.float32).sqrt()
Y = torch.tensor(tags, dtype=torch.float32)
X = (X - X[:5000].mean(0)) / X[:5000].std(0)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 48)
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(48, 6)

    def forward(self, x):
        return self.fc2(self.drop(F.silu(self.fc1(x))))


def f1(logits, truth):
    guess = (logits.sigmoid() > 0.5).float()
    return (2 * (guess * truth).sum() / (guess.sum() + truth.sum())).item()


tagger = Tagger()
opt = torch.optim.Adam(tagger.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(12):
    tagger.train()
    total = 0.0
    for idx in torch.randperm(5000).split(50):
        opt.zero_grad()
        loss = criterion(tagger(X[idx]), Y[idx])
        loss.backward()
        opt.step()
        total += loss.item() / 100
    tagger.eval()
    with torch.no_grad():
        out = tagger(X[5000:])
    print(f"epoch {epoch + 1} train {total:.4f} val {criterion(out, Y[5000:]):.4f} F1 {f1(out, Y[5000:]):.4f}")
