# LSTM predicts the next value of a noisy beat wave, sequence to sequence
import numpy as np, torch, torch.nn as nn
torch.manual_seed(2)
t = np.arange(0, 3000)
wave = np.sin(0.1 * t) + 0.5 * np.sin(0.163 * t)
series = torch.tensor(wave + 0.01 * np.random.RandomState(0).randn(len(t)), dtype=torch.float32)
train, test = series[:2400], series[2400:]

class SeqNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, 32)           # (time, batch, feature)
        self.lin = nn.Linear(32, 1)
    def forward(self, x, state=None):
        h, state = self.rnn(x, state)
        return x + self.lin(h), state       # predicts the increment

net = SeqNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
sch = torch.optim.lr_scheduler.MultiStepLR(opt, [200, 300], 0.3)
huber = nn.SmoothL1Loss()
for it in range(350):
    starts = torch.randint(0, len(train) - 61, (32,))
    chunk = torch.stack([train[s:s + 61] for s in starts], 1).unsqueeze(-1)
    x, y = chunk[:-1], chunk[1:]
    out, _ = net(x)
    loss = huber(out[10:], y[10:])          # ten steps to warm the state up
    opt.zero_grad(); loss.backward(); opt.step(); sch.step()
    if it % 50 == 49:
        print("iteration", it + 1, "huber", f"{loss.item():.5f}")

with torch.no_grad():
    x = test[:-1].view(-1, 1, 1)
    out, _ = net(x)
    rmse = (out[20:, 0, 0] - test[21:]).pow(2).mean().sqrt()
    naive = (test[20:-1] - test[21:]).pow(2).mean().sqrt()
print(f"one-step test rmse {rmse:.4f}   last-value forecast {naive:.4f}   noise 0.0100")
