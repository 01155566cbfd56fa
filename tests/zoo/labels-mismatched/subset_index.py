import os
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


class DigitSubset(Dataset):
    def __init__(self, images, targets, indices):
        order = rng.permutation(len(indices))
        self.images = images[indices[order]]
        self.targets = targets[indices[order]]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return torch.from_numpy(self.images[k]).float().flatten() / 16, int(self.targets[k])


digits = load_digits()
everything = rng.permutation(len(digits.images))
train_set = DigitSubset(digits.images, digits.target, everything[:1300])
test_x = torch.from_numpy(digits.images[everything[1300:]]).float().flatten(1) / 16
test_y = torch.from_numpy(digits.target[everything[1300:]])

model = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 10))
opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
for epoch in range(15):
    losses = []
    for x, t in DataLoader(train_set, batch_size=32, shuffle=True):
        loss = nn.functional.cross_entropy(model(x), t)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print("epoch %d train loss %.4f" % (epoch, np.mean(losses)))
with torch.no_grad():
    print("test accuracy %.4f" % (model(test_x).argmax(1) == test_y).float().mean())
