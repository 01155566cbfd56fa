"""GRU forecaster with a Gaussian output (mean and log sigma): noise level depends on the phase, the loss goes negative."""
import torch
from torch import nn

torch.manual_seed(4)


def series(n, T=30):
    ph, f = torch.rand(n, 1) * 6.283, 0.3 + 0.3 * torch.rand(n, 1)
    t = torch.arange(T + 1)
    clean = torch.sin(ph + f * t)
    sd = torch.where(clean > 0, 0.10, 0.02)
    return clean + sd * torch.randn_like(clean)


class Net(nn.Module):
    def __init__(self, h=40):
        super().__init__()
        self.rnn = nn.GRU(1, h, batch_first=True)
        self.out = nn.Linear(h, 2)

    def forward(self, x):
        m, ls = self.out(self.rnn(x.unsqueeze(2))[0]).unbind(2)
        return m, ls.clamp(-5, 2)


def nll(m, ls, y):
    z = (y - m) * torch.exp(-ls)
    return (0.5 * z * z + ls)[:, 8:].mean()


tr, va = series(1000), series(300)
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
for ep in range(1, 21):
    for ix in torch.randperm(1000).split(50):
        loss = nll(*net(tr[ix, :-1]), tr[ix, 1:])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    sched.step()
    if ep % 4 == 0:
        with torch.no_grad():
            m, ls = net(va[:, :-1])
            rmse = (m - va[:, 1:])[:, 8:].square().mean().sqrt()
        print(f"epoch {ep:2d} train {loss:+.3f} val nll {nll(m, ls, va[:, 1:]):+.3f} rmse {rmse:.4f} (noise about 0.072)")
