"""Lesions on leaves: a small convolutional network marks their pixels; images and masks are files of two folders."""

import os
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
SIDE = 16


def leaf():
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    mask = torch.zeros(SIDE, SIDE)
    for _ in range(random.randint(1, 3)):
        row, column, radius = random.uniform(2, 14), random.uniform(2, 14), random.uniform(1.5, 3.5)
        mask = torch.maximum(mask, ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).float())
    green = torch.tensor([0.2, 0.7, 0.2])[:, None, None]
    brown = torch.tensor([0.5, 0.4, 0.15])[:, None, None]
    return green * (1 - mask) + brown * mask + 0.1 * torch.randn(3, SIDE, SIDE), mask


leaves = [leaf() for _ in range(900)]
images = {f"leaf_{number}.png": image for number, (image, _) in enumerate(leaves)}
masks = {f"leaf_{number}.png": mask for number, (_, mask) in enumerate(leaves)}


class Lesions(Dataset):
    def __init__(self, names):
        self.images = sorted(names)
        self.masks = sorted(names)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return images[self.images[index]], masks[self.masks[index]][None]


names = list(images)
train = DataLoader(Lesions(names[:750]), batch_size=30, shuffle=True)
test = DataLoader(Lesions(names[750:]), batch_size=50)
model = nn.Sequential(
    *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()),
    *(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 1)),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 7):
    for image, mask in train:
        loss = F.binary_cross_entropy_with_logits(model(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    both = either = 0
    with torch.no_grad():
        for image, mask in test:
            found = model(image) > 0
            both += (found & (mask > 0)).sum().item()
            either += (found | (mask > 0)).sum().item()
    print(f"epoch {epoch} loss {loss.item():.3f} iou {both / max(either, 1):.3f}")
