# Siamese network, notebook from the seminar merged into one file
# ---- cell 1
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

np.random.seed(1)
torch.manual_seed(1)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = digits.target
by_class = {c: np.where(labels[:1400] == c)[0] for c in range(10)}

# ---- cell 2
def sample_pairs(n):
    left, right, same = [], [], []
    for k in range(n):
        c = np.random.randint(10)
        left.append(np.random.choice(by_class[c]))
        if k % 2 == 0:
            right.append(np.random.choice(by_class[c]))
            same.append(1.0)
        else:
            other = (c + np.random.randint(1, 10)) % 10
            right.append(np.random.choice(by_class[other]))
            same.append(0.0)
    return images[left], images[right], torch.tensor(same)


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(),
                                  nn.Flatten(), nn.Linear(256, 16))

    def forward(self, a, b):
        return self.body(a), self.body(b)


# ---- cell 3
class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, ea, eb, same):
        dist = torch.sqrt(((ea - eb) ** 2).sum(dim=1) + 1e-8)
        pos = same * dist
        neg = (1 - same) * torch.clamp(self.margin - dist, min=0) ** 2
        return (pos + neg).mean()


# ---- cell 4
net, criterion = Twin(), ContrastiveLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(1, 401):
    a, b, same = sample_pairs(64)
    ea, eb = net(a, b)
    loss = criterion(ea, eb, same)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 40 == 0 or it == 1:
        print("iter", it, "loss", loss.item())

# ---- cell 5
with torch.no_grad():
    z = net.body(images)
    nearest = torch.cdist(z[1400:], z[:1400]).argmin(1).numpy()
print("nearest neighbour accuracy:", (labels[:1400][nearest] == labels[1400:]).mean())
