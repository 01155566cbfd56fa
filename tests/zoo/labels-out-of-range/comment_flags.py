"""Share of annotators who would flag a comment: text CNN on token ids, soft targets from a table."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

VOCAB, LENGTH, ANNOTATORS = 120, 18, 8


def load_comments(n):
    tone = np.random.randn(VOCAB) * (np.random.rand(VOCAB) < 0.4)
    tokens = np.random.randint(1, VOCAB, (n, LENGTH))
    lengths = np.random.randint(8, LENGTH + 1, n)
    tokens[np.arange(LENGTH)[None, :] >= lengths[:, None]] = 0
    tone[0] = 0.0
    score = 1.1 * tone[tokens].sum(1) - 0.3
    flags = np.random.binomial(ANNOTATORS, 1 / (1 + np.exp(-score)))
    return pd.DataFrame({
        "tokens": list(tokens),
        "flagged_percent": 100.0 * flags / ANNOTATORS,
    })


class TextCNN(nn.Module):
    def __init__(self, dim=16, filters=24):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, filters, 3, padding=1)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(filters, 1)

    def forward(self, ids):
        h = torch.relu(self.conv(self.embedding(ids).transpose(1, 2)))
        return self.out(self.drop(h.sum(-1) / 4)).squeeze(-1)


df = load_comments(6000)
ids = torch.tensor(np.stack(df["tokens"].to_list()))
share = torch.tensor(df["flagged_percent"].to_numpy() / 100, dtype=torch.float32)
n_train = 5000

net = TextCNN()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.01)
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    net.train()
    train_loss = []
    for idx in torch.randperm(n_train).split(64):
        optimizer.zero_grad()
        loss = criterion(net(ids[idx]), share[idx])
        loss.backward()
        optimizer.step()
        train_loss.append(loss.item())
    scheduler.step()

    net.eval()
    with torch.no_grad():
        logits = net(ids[n_train:])
        valid = criterion(logits, share[n_train:]).item()
    observed = df["flagged_percent"].to_numpy()[n_train:] / 100
    predicted = torch.sigmoid(logits).numpy()
    agree = ((predicted > 0.5) == (observed > 0.5))[observed != 0.5].mean()
    print(f"epoch {epoch:2d} train {np.mean(train_loss):.4f} valid {valid:.4f} mae {np.abs(predicted - observed).mean():.3f} agree {agree:.3f}")
