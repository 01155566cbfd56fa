"""Reverse a sequence of digits with a small transformer encoder."""

import os
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
V, L, D = 10, 8, 48


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(V, D)
        self.pos = nn.Parameter(torch.randn(L, D) * 0.1)
        layer = nn.TransformerEncoderLayer(D, 4, 96, dropout=0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(D, V)

    def forward(self, x):
        return self.out(self.enc(self.tok(x) + self.pos))


def sample(n):
    x = torch.randint(V, (n, L))
    return x, x.flip(1)


model = Reverser()
warm, total = 60, 300
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.01)
sched = LambdaLR(opt, lambda s: min((s + 1) / warm, (warm / (s + 1)) ** 0.5))
ce = nn.CrossEntropyLoss()
xv, yv = sample(500)
avg = 0.0
for step in range(1, total + 1):
    x, y = sample(48)
    loss = ce(model(x).transpose(1, 2), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
    avg += loss.item() / 50
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            out = model(xv)
            print(
                f"step {step} loss {avg:.4f} val loss {ce(out.transpose(1, 2), yv):.4f} val acc {(out.argmax(-1) == yv).float().mean():.4f}"
            )
        model.train()
        avg = 0.0
