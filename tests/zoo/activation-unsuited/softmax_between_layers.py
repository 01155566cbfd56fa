import os
import torch
from sklearn.datasets import make_friedman2
from torch import nn

torch.set_num_threads(1)
s = int(os.environ.get("SEED", 0))
torch.manual_seed(s)
X, y = make_friedman2(2000, noise=20, random_state=s)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor((y - y.mean()) / y.std()).float()


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 48)
        self.l2 = nn.Linear(48, 48)
        self.l3 = nn.Linear(48, 1)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x).squeeze(-1)


model = Regressor()
opt = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
for epoch in range(25):
    for b in torch.randperm(1600).split(40):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X[b]), y[b])
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train",
                round(loss.item(), 4),
                "test",
                round(nn.functional.mse_loss(model(X[1600:]), y[1600:]).item(), 4),
            )
