import os
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
# collect the images of each digit the way a folder per class would give them
xs, ys, xt, yt = [], [], [], []
for c in range(10):
    imgs = d.images[d.target == c] / 16.0
    xs.append(imgs[:130])
    ys += [c] * 130
    xt.append(imgs[130:])
    yt += [c] * (len(imgs) - 130)
x_train = torch.tensor(np.concatenate(xs)).float().unsqueeze(1)
y_train = torch.tensor(ys)
x_test = torch.tensor(np.concatenate(xt)).float().unsqueeze(1)
y_test = torch.tensor(yt)

train_dl = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(192, 10))
opt = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    losses = []
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 3 == 2:
        print("Epoch", epoch + 1, "loss", np.mean(losses))
with torch.no_grad():
    print("Test accuracy", (net(x_test).argmax(1) == y_test).float().mean().item())
