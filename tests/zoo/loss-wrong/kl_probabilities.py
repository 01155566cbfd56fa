"""Predict a distribution over four moods from eight features (soft labels by a panel)."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X = torch.randn(2000, 8)
W1, W2 = torch.randn(8, 12), torch.randn(12, 4)
P = torch.softmax(torch.tanh(X @ W1 / 2) @ W2 * 0.8, 1)
votes = torch.distributions.Multinomial(30, P).sample() / 30

model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.KLDivLoss(reduction="batchmean")
for epoch in range(20):
    for b in torch.randperm(1600).split(40):
        out = torch.log_softmax(model(X[b]), dim=1)
        loss = criterion(out, votes[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            q = torch.log_softmax(model(X[1600:]), 1)
            kl = (P[1600:] * (P[1600:].log() - q)).sum(1).mean()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} KL to the truth {kl.item():.4f}")
