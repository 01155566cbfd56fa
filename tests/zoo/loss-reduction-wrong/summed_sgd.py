import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
p = torch.randperm(len(X))
tr, te = p[:1400], p[1400:]


class Net(nn.Module):
    def __init__(self, d_in=64, d_hidden=64, d_out=10):
        super().__init__()
        self.a, self.b = nn.Linear(d_in, d_hidden), nn.Linear(d_hidden, d_out)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


net = Net()
criterion = nn.CrossEntropyLoss(reduction="mean")
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(15):
    run = 0.0
    for b in tr[torch.randperm(1400)].split(100):
        optimizer.zero_grad()
        loss = criterion(net(X[b]), y[b])
        loss.backward()
        optimizer.step()
        run += loss.item()
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                f"epoch {epoch + 1} loss {run / 1400:.4f} accuracy {(net(X[te]).argmax(1) == y[te]).float().mean():.4f}"
            )
