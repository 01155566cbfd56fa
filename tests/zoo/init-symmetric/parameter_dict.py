import os

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = make_moons(2500, noise=0.15, random_state=int(os.environ.get("SEED", 0)))
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)


class TwoLayer(torch.nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.p = torch.nn.ParameterDict(
            {
                "w1": 0.3 * torch.randn(inputs, hidden),
                "b1": torch.zeros(hidden),
                "w2": 0.3 * torch.randn(hidden, outputs),
                "b2": torch.zeros(outputs),
            }
        )

    def forward(self, x):
        h = torch.tanh(x @ self.p["w1"] + self.p["b1"])
        return h @ self.p["w2"] + self.p["b2"]


net = TwoLayer(2, 24, 2)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for it in range(1500):
    pick = torch.randint(0, 2000, (64,))
    loss = F.cross_entropy(net(X[pick]), y[pick])
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if it % 150 == 149:
        with torch.no_grad():
            out = net(X[2000:])
            acc = (out.argmax(1) == y[2000:]).float().mean()
            print(f"it {it + 1} loss {loss.item():.4f} val {F.cross_entropy(out, y[2000:]):.4f} acc {acc:.4f}")
