import os
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
img = torch.tensor(d.images / 16, dtype=torch.float32)
lab = torch.tensor(d.target)


def line(n, pool):
    k = pool[torch.randint(len(pool), (n, 4))]
    return torch.cat([img[k[:, j]] for j in range(4)], 2), lab[k] + 1


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 64, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(128, 11)

    def forward(self, x):
        return self.fc(self.rnn(x.transpose(1, 2))[0]).log_softmax(2).transpose(0, 1)


m = Reader()
opt = torch.optim.Adam(m.parameters(), 3e-3)
ctc = nn.CTCLoss(blank=0, zero_infinity=True)
perm = torch.randperm(len(img))
tr, te = perm[:1400], perm[1400:]
for step in range(500):
    x, y = line(32, tr)
    out = m(x)
    loss = ctc(out, y, torch.full((32,), 32), torch.full((32,), 4))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(m.parameters(), 5.0)
    opt.step()
    if step % 100 == 99:
        m.eval()
        with torch.no_grad():
            x, y = line(200, te)
            best = m(x).argmax(2).T
            ok = 0
            for p, q in zip(best, y):
                s = [int(a) for i, a in enumerate(p) if a and (i == 0 or a != p[i - 1])]
                ok += s == q.tolist()
        m.train()
        print(step, loss.item(), ok / 200)
