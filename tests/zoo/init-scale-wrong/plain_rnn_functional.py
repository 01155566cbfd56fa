import os

import torch
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))
H, STEPS = 48, 24
GAIN = 1.0


def waves(n):
    """Three kinds of wave in noise."""
    t = torch.linspace(0, 1, STEPS)
    kind = torch.randint(0, 3, (n,))
    phase = torch.rand(n, 1) * 6.283
    freq = torch.tensor([1.0, 2.0, 3.0])[kind][:, None] + 0.1 * torch.randn(n, 1)
    return (torch.sin(6.283 * freq * t + phase) + 0.5 * torch.randn(n, STEPS)) / 0.87, kind


W_in = torch.randn(1, H).requires_grad_()
W_rec = (GAIN * torch.linalg.qr(torch.randn(H, H))[0]).requires_grad_()
b = torch.zeros(H, requires_grad=True)
W_out = (torch.randn(H, 3) / H**0.5).requires_grad_()
params = [W_in, W_rec, b, W_out]


def rnn(x):
    h = torch.zeros(len(x), H)
    for k in range(STEPS):
        h = torch.tanh(x[:, k : k + 1] @ W_in + h @ W_rec + b)
    return h @ W_out


x, y = waves(4000)
xv, yv = waves(800)
opt = torch.optim.Adam(params, lr=1e-3)
recent = []
for step in range(1, 1201):
    idx = torch.randint(0, 4000, (64,))
    loss = F.cross_entropy(rnn(x[idx]), y[idx])
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    opt.step()
    recent.append(loss.item())
    if step % 120 == 0:
        with torch.no_grad():
            out = rnn(xv)
        acc = (out.argmax(1) == yv).float().mean()
        print(f"{step} loss {sum(recent[-120:]) / 120:.4f} val {F.cross_entropy(out, yv):.4f} acc {acc:.4f}")
