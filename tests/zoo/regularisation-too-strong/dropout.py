import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class DigitNet(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 10)
        self.drop = nn.Dropout(p)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        x = self.drop(self.act(self.fc2(x)))
        return self.fc3(x)


seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
model = DigitNet(p=0.1)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(25):
    model.train()
    loss_total = 0.0
    for i in range(0, 1400, 35):
        optimizer.zero_grad()
        loss = criterion(model(x[i : i + 35]), y[i : i + 35])
        loss.backward()
        optimizer.step()
        loss_total += loss.item()
    model.eval()
    with torch.no_grad():
        val = model(x[1400:])
    if epoch % 5 == 4:
        print(
            "Epoch: {:02d}, Loss: {:.4f}, Val: {:.4f}, Acc: {:.4f}".format(
                epoch + 1,
                loss_total / 40,
                criterion(val, y[1400:]).item(),
                (val.argmax(1) == y[1400:]).float().mean().item(),
            )
        )
