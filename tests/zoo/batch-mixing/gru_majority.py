import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def make(n, steps=20):
    """Three-channel series; the label says which channel has the largest sum."""
    x = torch.randn(n, steps, 3)
    return x, x.sum(1).argmax(1)


class SeriesClassifier(nn.Module):
    def __init__(self, channels, hidden, classes):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.fc(self.norm(out[:, -1]))


x_tr, y_tr = make(4000)
x_te, y_te = make(1000)
clf = SeriesClassifier(3, 32, 3)
opt = torch.optim.Adam(clf.parameters(), lr=3e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(1, 9):
    perm = torch.randperm(len(x_tr))
    losses = []
    for i in range(0, len(perm), 50):
        idx = perm[i : i + 50]
        loss = ce(clf(x_tr[idx]), y_tr[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(clf.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    with torch.no_grad():
        logits = torch.cat([clf(b) for b in x_te.split(50)])
    acc = (logits.argmax(1) == y_te).float().mean()
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} val {ce(logits, y_te):.4f} acc {acc:.4f}")
