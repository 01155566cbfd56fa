"""VQ-VAE on small drawings: straight-through codes, codebook by moving averages, commitment loss."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def draw(n, size=16):
    grid = np.arange(size)
    yy, xx = np.meshgrid(grid, grid, indexing="ij")
    images = np.zeros((n, 1, size, size), dtype=np.float32)
    for i in range(n):
        cy, cx = np.random.uniform(5, 11, 2)
        r = np.random.uniform(2.5, 4.5)
        kind = np.random.randint(3)
        if kind == 0:
            m = (yy - cy) ** 2 + (xx - cx) ** 2 < r * r
        elif kind == 1:
            m = (abs(yy - cy) < r) & (abs(xx - cx) < r)
        else:
            m = (abs(yy - cy) < 1.2) | (abs(xx - cx) < 1.2)
        images[i, 0] = m
    return torch.from_numpy(images * 2 - 1)


class Quantizer(nn.Module):
    def __init__(self, codes, dim, decay=0.95):
        super().__init__()
        self.decay = decay
        book = torch.randn(codes, dim) * 0.5
        self.register_buffer("book", book)
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("total", book.clone())

    def forward(self, z):
        flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        idx = torch.cdist(flat.detach(), self.book).argmin(1)
        if self.training:
            with torch.no_grad():
                hot = F.one_hot(idx, len(self.book)).float()
                self.count.mul_(self.decay).add_(hot.sum(0), alpha=1 - self.decay)
                self.total.mul_(self.decay).add_(hot.t() @ flat, alpha=1 - self.decay)
                self.book.copy_(self.total / (self.count + 1e-5).unsqueeze(1))
                dead = self.count < 0.05
                if dead.any():
                    pick = flat[torch.randint(len(flat), (int(dead.sum()),))]
                    self.book[dead], self.total[dead], self.count[dead] = pick, pick, 1.0
        q = self.book[idx].view(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)
        commit = F.mse_loss(z, q.detach())
        return z + (q - z).detach(), commit, idx


class VQVAE(nn.Module):
    def __init__(self, dim=12, codes=48):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 4, 2, 1), nn.ReLU(), nn.Conv2d(24, dim, 1)
        )
        self.quant = Quantizer(codes, dim)
        self.dec = nn.Sequential(
            nn.Conv2d(dim, 24, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(24, 16, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
        )

    def forward(self, x):
        q, commit, idx = self.quant(self.enc(x))
        return self.dec(q), commit, idx


train, test = draw(2000), draw(300)
model = VQVAE()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
epochs = 14
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)
for epoch in range(epochs):
    model.train()
    rec_sum = com_sum = 0.0
    parts = torch.randperm(len(train)).split(50)
    for idx in parts:
        x = train[idx]
        out, commit, _ = model(x)
        rec = F.mse_loss(out, x)
        loss = rec + 0.25 * commit
        opt.zero_grad()
        loss.backward()
        opt.step()
        rec_sum += rec.item()
        com_sum += commit.item()
    sched.step()
    model.eval()
    with torch.no_grad():
        out, _, codes = model(test)
        err = F.mse_loss(out, test).item()
        used = torch.bincount(codes, minlength=48).float()
        p = used / used.sum()
        perplexity = torch.exp(-(p[p > 0] * p[p > 0].log()).sum()).item()
    print(
        f"epoch {epoch} rec {rec_sum / len(parts):.4f} commit {com_sum / len(parts):.4f} test rec {err:.4f} perplexity {perplexity:.1f}"
    )
print(f"share of variance explained {1 - err / test.var().item():.3f}")
