"""Autoencoder for 8 x 8 digits."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
pix = torch.tensor(load_digits().data, dtype=torch.float32)
pix = pix[torch.randperm(len(pix))]
train, test = pix[:1400], pix[1400:]


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
        self.dec = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, x):
        return self.dec(self.enc(x / 16))


model = AutoEncoder()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(25):
    running = 0.0
    for batch in DataLoader(train, batch_size=50, shuffle=True):
        loss = loss_fn(model(batch), batch / 16)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() / 28
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: {running:.4f}")
with torch.no_grad():
    rec = torch.sigmoid(model(test))
    print("rms difference of recon and image in [0, 1]: %.4f" % (rec - test / 16).square().mean().sqrt().item())
