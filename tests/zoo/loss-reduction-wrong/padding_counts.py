"""Tag each token of variable-length sequences; scaled loss for logging."""

import os
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
V, T = 20, 16


def corpus(n):
    x = torch.randint(1, V, (n, T))
    prev = torch.cat([torch.zeros(n, 1, dtype=torch.long), x[:, :-1]], 1)
    y = (x + prev) % 3
    return x, y


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, 16)
        self.conv = nn.Conv1d(16, 48, 2, padding=1)
        self.out = nn.Linear(48, 3)

    def forward(self, x):
        h = torch.relu(self.conv(self.emb(x).transpose(1, 2)))[..., :T]
        return self.out(h.transpose(1, 2))


x, y = corpus(2000)
xv, yv = corpus(400)
model = Tagger()
opt = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
for epoch in range(12):
    epoch_loss = 0.0
    for b in torch.randperm(2000).split(50):
        per_token = F.cross_entropy(model(x[b]).flatten(0, 1), y[b].flatten(), reduction="none")
        loss = per_token.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        epoch_loss += loss.item()
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "loss %.5f" % epoch_loss,
                "tag accuracy %.4f" % (model(xv).argmax(-1) == yv).float().mean(),
            )
