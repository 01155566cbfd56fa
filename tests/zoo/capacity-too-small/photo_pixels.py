"""Learn a photograph: position -> colour."""

import argparse
import os
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_sample_image

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
ap.add_argument("--width", type=int, default=64)
ap.add_argument("--steps", type=int, default=1500)
a = ap.parse_args()
torch.manual_seed(a.seed)
torch.set_num_threads(1)

img = load_sample_image("flower.jpg")[20:420:5, 100:500:5].astype("float32") / 255
h, w, _ = img.shape
rows, cols = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
xy = torch.tensor(np.stack([rows, cols], -1).reshape(-1, 2), dtype=torch.float32)
features = torch.cat([f(np.pi * k * xy) for k in (0.5, 1, 2) for f in (torch.sin, torch.cos)], 1)
rgb = torch.tensor(img.reshape(-1, 3))
rgb = (rgb - rgb.mean(0)) / rgb.std()
p = torch.randperm(len(rgb))
test, train = p[:1000], p[1000:]

model = nn.Sequential(nn.Linear(12, a.width), nn.ReLU(), nn.Linear(a.width, a.width), nn.ReLU(), nn.Linear(a.width, 3))
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, a.steps)
avg = 0.0
for step in range(1, a.steps + 1):
    b = train[torch.randint(len(train), (128,))]
    loss = (model(features[b]) - rgb[b]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    avg += loss.item() / 250
    if step % 250 == 0:
        with torch.no_grad():
            held = (model(features[test]) - rgb[test]).square().mean().item()
        print(f"step {step}: mse {avg:.4f}, held out {held:.4f}")
        avg = 0.0
