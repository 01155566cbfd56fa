"""Small post-norm transformer, copy a sequence backwards; warm-up then linear decay."""

import os
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
V, T, D = 8, 6, 32
TOTAL, WARMUP = 420, 60


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(V, D)
        self.pos = nn.Parameter(torch.randn(1, T, D) * 0.2)
        layer = nn.TransformerEncoderLayer(D, 4, 64, dropout=0.0, batch_first=True)
        self.enc = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(D, V)

    def forward(self, x):
        return self.out(self.enc(self.tok(x) + self.pos))


def factor(step):
    if step < WARMUP:
        return step / WARMUP
    return (TOTAL - step) / (TOTAL - WARMUP)


net = Reverser()
opt = torch.optim.AdamW(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.LambdaLR(opt, factor)
for step in range(TOTAL):
    x = torch.randint(0, V, (48, T))
    loss = F.cross_entropy(net(x).transpose(1, 2), x.flip(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 70 == 69:
        print("step", step + 1, "loss %.4f" % loss.item())
with torch.no_grad():
    x = torch.randint(0, V, (500, T))
    print("token accuracy %.4f" % (net(x).argmax(-1) == x.flip(1)).float().mean())
