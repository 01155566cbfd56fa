import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class ConvAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1)
        )
        self.dec = nn.Sequential(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1))

    def forward(self, x):
        return self.dec(self.enc(x))


x = torch.tensor(load_digits().images).float()[:, None] / 16
x = x[torch.randperm(len(x))]
train, test = x[:1400], x[1400:]
net = ConvAE()
hp = {"lr": 0.2, "momentum": 0.9, "epochs": 15, "batch": 40}
opt = torch.optim.SGD(net.parameters(), lr=hp["lr"], momentum=hp["momentum"])
for epoch in range(hp["epochs"]):
    tot = 0
    for b in torch.randperm(1400).split(hp["batch"]):
        opt.zero_grad()
        loss = nn.functional.mse_loss(net(train[b]), train[b])
        loss.backward()
        opt.step()
        tot += loss.item() / 35
    if epoch % 3 == 2:
        print(
            "epoch", epoch + 1, "train", round(tot, 5), "test", round(nn.functional.mse_loss(net(test), test).item(), 5)
        )
