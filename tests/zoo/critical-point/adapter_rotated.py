# Parameter-efficient fine-tuning: add a low-rank adapter to each layer of a trained classifier
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
d = load_digits()
images = torch.tensor(d.images, dtype=torch.float32) / 16
labels = torch.tensor(d.target)
perm = torch.randperm(len(images))
images, labels = images[perm], labels[perm]
upright = images.flatten(1)
turned = torch.rot90(images, 1, (1, 2)).flatten(1)
TR, TE = slice(0, 1400), slice(1400, None)


class Adapter(nn.Module):
    def __init__(self, layer, rank=8):
        super().__init__()
        self.layer = layer
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        # start exactly at the pre-trained function
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def run(net, x, y, params, epochs, lr):
    opt = torch.optim.Adam(params, lr=lr)
    for ep in range(1, epochs + 1):
        net.train()
        total = 0.0
        for i in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(net(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(i)
        if ep % 5 == 0:
            print(f"   epoch {ep:2d}  loss {total / len(x):.4f}")


net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
print("pre-training on upright digits")
run(net, upright[TR], labels[TR], net.parameters(), 20, 2e-3)
print("upright test accuracy:", accuracy(net, upright[TE], labels[TE]))
print("turned test accuracy, before:", accuracy(net, turned[TE], labels[TE]))

for p in net.parameters():
    p.requires_grad = False
for i in (0, 2, 4):
    net[i] = Adapter(net[i])
adapter_params = [p for p in net.parameters() if p.requires_grad]
print("fine-tuning", sum(p.numel() for p in adapter_params), "adapter parameters on turned digits")
run(net, turned[TR], labels[TR], adapter_params, 40, 3e-3)
print("turned test accuracy, after:", accuracy(net, turned[TE], labels[TE]))
