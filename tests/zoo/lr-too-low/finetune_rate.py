"""Text of the manual: function page or statement page? Mean of word embeddings, trained from scratch."""

import os
import re
from pydoc_data.topics import topics
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
pages = {
    0: ["string-methods", "typesseq", "typesmapping", "formatstrings", "typesmethods", "strings"],
    1: ["import", "class", "function", "try", "with", "debugger", "compound"],
}
docs = [
    (re.findall(r"[a-z]+", s.lower()), k)
    for k, names in pages.items()
    for n in names
    for s in topics.get(n, "").split("\n\n")
]
docs = [(w[:40], k) for w, k in docs if len(w) > 8]
vocab = sorted({w for ws, _ in docs for w in ws})
index = {w: i + 1 for i, w in enumerate(vocab)}
X = torch.zeros(len(docs), 40, dtype=torch.long)
for r, (ws, _) in enumerate(docs):
    X[r, : len(ws)] = torch.tensor([index[w] for w in ws])
y = torch.tensor([k for _, k in docs])
p = torch.randperm(len(y))
cut = int(0.8 * len(y))
tr, te = p[:cut], p[cut:]


class TextNet(nn.Module):
    def __init__(self, n, d=32):
        super().__init__()
        self.emb = nn.Embedding(n, d, padding_idx=0)
        self.fc = nn.Sequential(nn.Dropout(0.3), nn.Linear(d, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, ids):
        mask = (ids > 0).float().unsqueeze(-1)
        return self.fc((self.emb(ids) * mask).sum(1) / mask.sum(1))


model = TextNet(len(vocab) + 1)
learning_rate = 3e-3
opt = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
for epoch in range(12):
    model.train()
    s = []
    for b in tr[torch.randperm(cut)].split(16):
        loss = nn.functional.cross_entropy(model(X[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s.append(loss.item())
    model.eval()
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train %.4f" % (sum(s) / len(s)),
                "accuracy %.4f" % (model(X[te]).argmax(1) == y[te]).float().mean(),
            )
