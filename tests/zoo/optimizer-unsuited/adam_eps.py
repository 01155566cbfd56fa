import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
images, target = load_digits(return_X_y=True)
images = torch.tensor(images).float().view(-1, 1, 8, 8) / 16
target = torch.tensor(target)
p = torch.randperm(len(target))
tr, te = p[:1400], p[1400:]


class Inceptionish(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1, self.b3 = nn.Conv2d(1, 6, 1), nn.Conv2d(1, 12, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(18 * 16, 10)

    def forward(self, x):
        return self.fc(self.pool(torch.relu(torch.cat([self.b1(x), self.b3(x)], 1))).flatten(1))


net = Inceptionish()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(12):
    s = 0
    for b in tr[torch.randperm(1400)].split(35):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(images[b]), target[b])
        loss.backward()
        opt.step()
        s += loss.item() / 40
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "loss",
                round(s, 4),
                "acc",
                (net(images[te]).argmax(1) == target[te]).float().mean().item(),
            )
