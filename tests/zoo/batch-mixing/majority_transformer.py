"""Which of four symbols prevails in the second half of a string? nn.TransformerEncoder with its default layout (T, B, D)."""
import torch
from torch import nn

torch.manual_seed(12)
SYM, T, D = 4, 16, 32


def make(n):
    g = torch.distributions.Dirichlet(torch.ones(SYM) * 0.5)
    first = torch.multinomial(g.sample((n,)) + 1e-4, T // 2, replacement=True)
    second = torch.multinomial(g.sample((n,)) + 1e-4, T // 2, replacement=True)
    s = torch.cat([first, second], 1)
    counts = nn.functional.one_hot(second, SYM).sum(1) + 0.1 * torch.arange(SYM)
    return s, counts.argmax(1)


class Clf(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(SYM, D)
        self.pos = nn.Parameter(0.3 * torch.randn(T, D))
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(D, 2, 64, dropout=0.05), 2)
        self.out = nn.Linear(D, SYM)

    def forward(self, s):
        b, t = s.shape
        h = self.tok(s) + self.pos
        h = h.transpose(0, 1)
        h = self.enc(h)
        return self.out(h.mean(0))


train, val = make(2400), make(600)
model = Clf()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
crit = nn.CrossEntropyLoss()
for epoch in range(1, 11):
    model.train()
    total = correct = 0
    for idx in torch.randperm(len(train[0])).split(60):
        s, y = train[0][idx], train[1][idx]
        logits = model(s)
        loss = crit(logits, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
        correct += (logits.argmax(1) == y).sum().item()
    model.eval()
    with torch.no_grad():
        va = (model(val[0]).argmax(1) == val[1]).float().mean().item()
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d}: loss {total / 2400:.4f} acc {correct / 2400:.3f} val acc {va:.3f}")
