import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def sequences(n, length=24):
    """Observations of a sticky chain of four hidden states."""
    means = torch.tensor([[1.2, 0.0], [-1.2, 0.0], [0.0, 1.2], [0.0, -1.2]])
    state = torch.randint(0, 4, (n,))
    states = []
    for _ in range(length):
        jump = torch.rand(n) < 0.15
        state = torch.where(jump, torch.randint(0, 4, (n,)), state)
        states.append(state)
    s = torch.stack(states, 1)
    return means[s] + 0.7 * torch.randn(n, length, 2), s


class Tagger(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, 4)

    def forward(self, x):
        h, _ = self.rnn(x)
        return F.log_softmax(self.fc(h), dim=-1)


x, s = sequences(1500)
xv, sv = sequences(400)
model = Tagger()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    total = 0.0
    for idx in torch.randperm(len(x)).split(30):
        logp = model(x[idx])
        loss = F.nll_loss(logp.flatten(0, 1), s[idx].flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 50
    with torch.no_grad():
        out = model(xv)
        val = F.nll_loss(out.flatten(0, 1), sv.flatten())
        acc = (out.argmax(-1) == sv).float().mean()
    print(f"epoch {epoch + 1} nll {total:.4f} val {val:.4f} states {acc:.4f}")
