"""Port of an old TensorFlow exercise: digit images with a two-layer net and dropout."""

import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--smoothing", type=float, default=0.05)
args = parser.parse_args()

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

keep_prob = 0.9


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 10)
        self.drop = nn.Dropout(1 - keep_prob)

    def forward(self, x):
        x = self.drop(F.relu(self.fc1(x)))
        x = self.drop(F.relu(self.fc2(x)))
        return self.out(x)


x, y = load_digits(return_X_y=True)
x = (x - 5.0) / 6.0
xa, xb, ya, yb = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SEED)
train = DataLoader(
    TensorDataset(torch.tensor(xa, dtype=torch.float32), torch.tensor(ya)), batch_size=args.batch_size, shuffle=True
)
xb, yb = torch.tensor(xb, dtype=torch.float32), torch.tensor(yb)

net = Net(args.hidden)
optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
step = 0
for epoch in range(args.epochs):
    net.train()
    for images, labels in train:
        loss = F.cross_entropy(net(images), labels, label_smoothing=args.smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print("step", step, "loss %.4f" % loss.item())
        step += 1
    if epoch == args.epochs - 10:
        for g in optimizer.param_groups:
            g["lr"] *= 0.2

net.eval()
with torch.no_grad():
    logits = net(xb)
    print("test loss %.4f" % F.cross_entropy(logits, yb).item())
    print("test acc %.4f" % (logits.argmax(1) == yb).float().mean().item())
