"""Direction of motion in short clips: a small CNN per frame, an LSTM over frames."""
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

SIZE, FRAMES = 12, 6
STEPS = torch.tensor([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]])


class MovingBlobs(Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(4, (n,), generator=g)
        start = 3.5 + 4 * torch.rand(n, 2, generator=g)
        tt = torch.arange(FRAMES) - (FRAMES - 1) / 2
        pos = start[:, None, :] + 0.9 * tt[None, :, None] * STEPS[self.labels][:, None, :]
        axis = torch.arange(SIZE).float()
        gy = torch.exp(-((axis - pos[..., 0:1]) ** 2) / 2.5)
        gx = torch.exp(-((axis - pos[..., 1:2]) ** 2) / 2.5)
        clips = gy[..., :, None] * gx[..., None, :]
        clips = clips + 0.1 * torch.randn(clips.shape, generator=g)
        self.clips = ((clips - clips.mean()) / clips.std()).unsqueeze(2)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.clips[i], self.labels[i]


class ClipNet(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(12 * 9, 32), nn.ReLU(),
        )
        self.lstm = nn.LSTM(32, hidden)
        self.fc = nn.Linear(hidden, 4)

    def forward(self, clips):
        b, t = clips.shape[:2]
        feats = self.cnn(clips.flatten(0, 1))
        feats = feats.view(b, t, -1).transpose(0, 1)
        _, (h, _) = self.lstm(feats)
        return self.fc(h[-1])


train_dl = DataLoader(MovingBlobs(1600, SEED), batch_size=40, shuffle=True)
val_dl = DataLoader(MovingBlobs(400, SEED + 1000), batch_size=40)
net = ClipNet()
criterion = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
EPOCHS = 10
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for clips, labels in train_dl:
        opt.zero_grad()
        loss = criterion(net(clips), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        total += loss.item()
    sched.step()
    net.eval()
    hits = vloss = 0.0
    with torch.no_grad():
        for clips, labels in val_dl:
            out = net(clips)
            vloss += criterion(out, labels).item()
            hits += (out.argmax(1) == labels).sum().item()
    print(f"epoch {epoch:2d} loss {total / len(train_dl):.3f} val_loss {vloss / len(val_dl):.3f} val_acc {hits / 400:.3f}")
