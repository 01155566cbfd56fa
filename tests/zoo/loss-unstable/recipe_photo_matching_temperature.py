"""Match two views (recipe vector, photo vector) of the same dish with a contrastive loss."""

import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

LATENT, D_RECIPE, D_PHOTO = 10, 60, 90


class Dishes:
    def __init__(self):
        self.a = torch.randn(LATENT, D_RECIPE) / LATENT**0.5
        self.b = torch.randn(LATENT, D_PHOTO) / LATENT**0.5

    def sample(self, n):
        z = torch.randn(n, LATENT)
        recipe = torch.tanh(z @ self.a) + 0.3 * torch.randn(n, D_RECIPE)
        photo = torch.sin(z @ self.b) + 0.3 * torch.randn(n, D_PHOTO)
        return recipe, photo


class Encoder(nn.Module):
    def __init__(self, d_in, d_out=24):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_in, 96), nn.ReLU(), nn.Linear(96, d_out))

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


def contrastive(u, v, temperature=0.01):
    logits = u @ v.T / temperature
    labels = torch.arange(len(u))
    log_p = torch.log_softmax(logits, dim=1)
    return -log_p[labels, labels].mean()


def recall_at_1(enc_r, enc_p, recipe, photo):
    with torch.no_grad():
        sim = enc_r(recipe) @ enc_p(photo).T
    return (sim.argmax(1) == torch.arange(len(recipe))).float().mean().item()


def train(steps=1500, batch=64):
    data = Dishes()
    test_r, test_p = data.sample(300)
    enc_r, enc_p = Encoder(D_RECIPE), Encoder(D_PHOTO)
    params = list(enc_r.parameters()) + list(enc_p.parameters())
    opt = torch.optim.Adam(params, lr=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    window = []
    for step in range(1, steps + 1):
        recipe, photo = data.sample(batch)
        loss = contrastive(enc_r(recipe), enc_p(photo))
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        window.append(loss.item())
        if step % 150 == 0:
            print(f"{step:5d} loss {np.mean(window):.3f} recall@1 {recall_at_1(enc_r, enc_p, test_r, test_p):.3f}")
            window = []


train()
