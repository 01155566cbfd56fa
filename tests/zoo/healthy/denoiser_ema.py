"""Denoising autoencoder on small digit images. Trained on a range of noise levels, judged at one fixed level
with an exponential moving average of the weights."""

import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class Denoiser(nn.Module):
    def __init__(self, ch=12):
        super().__init__()
        self.inp = nn.Conv2d(1, ch, 3, padding=1)
        self.mid = nn.ModuleList([nn.Conv2d(ch, ch, 3, padding=1) for _ in range(2)])
        self.out = nn.Conv2d(ch, 1, 3, padding=1)
        self.act = nn.SiLU()

    def forward(self, x):
        h = self.act(self.inp(x))
        for conv in self.mid:
            h = h + self.act(conv(h))
        return x - self.out(h)


class EMA:
    def __init__(self, model, decay=0.99):
        self.decay = decay
        self.shadow = copy.deepcopy(model).eval()
        for p in self.shadow.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.lerp_(p, 1 - self.decay)


def corrupt(clean, low=0.2, high=0.8):
    sigma = torch.empty(len(clean), 1, 1, 1).uniform_(low, high)
    return clean + sigma * torch.randn_like(clean)


images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1)
images = (images - images.mean()) / images.std()
images = images[torch.randperm(len(images))]
train, test = images[:1500], images[1500:]
loader = DataLoader(TensorDataset(train), batch_size=32, shuffle=True, drop_last=True)
fixed = test + 0.4 * torch.randn(test.shape, generator=torch.Generator().manual_seed(5))

net = Denoiser()
ema = EMA(net)
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-4)
epochs = 16
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=6e-3, total_steps=epochs * len(loader))
print(f"noisy mse {(fixed - test).pow(2).mean().item():.4f}")

for epoch in range(epochs):
    running = 0.0
    for (clean,) in loader:
        loss = nn.functional.mse_loss(net(corrupt(clean)), clean)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        ema.update(net)
        running += loss.item()
    with torch.no_grad():
        err = (ema.shadow(fixed) - test).pow(2).mean().item()
    print(f"epoch {epoch + 1:2d} train {running / len(loader):.4f} ema mse {err:.4f}")
