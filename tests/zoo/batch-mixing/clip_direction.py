"""Short video clips of a moving square: which of four directions does it take? CNN per frame, LSTM over frames."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

FRAMES, SIZE = 5, 12
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]


class Clips(Dataset):
    def __init__(self, n):
        self.labels = np.random.randint(0, 4, n)
        self.video = np.random.normal(0, 0.2, (n, FRAMES, 1, SIZE, SIZE)).astype(np.float32)
        for i, k in enumerate(self.labels):
            r, c = np.random.randint(3, 7, 2)
            for t in range(FRAMES):
                rows = (np.arange(r, r + 3) + MOVES[k][0] * t) % SIZE
                cols = (np.arange(c, c + 3) + MOVES[k][1] * t) % SIZE
                self.video[i, t, 0][np.ix_(rows, cols)] += 1.5
        self.video = (self.video - 0.09) / 0.45

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.video[i], int(self.labels[i])


class FrameEncoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16 * 6 * 6, dim)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return F.relu(self.fc(x.flatten(1)))


class VideoNet(nn.Module):
    def __init__(self, dim=32, hidden=32):
        super().__init__()
        self.encoder = FrameEncoder(dim)
        self.lstm = nn.LSTM(dim, hidden)
        self.head = nn.Linear(hidden, 4)

    def forward(self, clip):
        b, t = clip.shape[:2]
        f = self.encoder(clip.reshape(b * t, *clip.shape[2:]))
        f = f.view(b, t, -1).transpose(0, 1)
        out, _ = self.lstm(f)
        return self.head(out[-1])


def accuracy(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(loader.dataset)


train_loader = DataLoader(Clips(960), batch_size=32, shuffle=True, drop_last=True)
test_loader = DataLoader(Clips(320), batch_size=32)
model = VideoNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
EPOCHS = 5
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * len(train_loader))
for epoch in range(EPOCHS):
    model.train()
    loss_sum = 0.0
    for x, y in train_loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        loss_sum += loss.item()
    print(f"epoch {epoch} loss {loss_sum / len(train_loader):.3f} test acc {accuracy(model, test_loader):.3f}")
