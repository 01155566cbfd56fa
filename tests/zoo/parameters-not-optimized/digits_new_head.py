"""Transfer: pretrain on digits 0-5, then adapt the classifier to 6-9 with the backbone kept fixed."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(42)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y)


class Backbone(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.head = nn.Linear(32 * 16, n_classes)

    def forward(self, z):
        return self.head(self.features(z))

    def reset_classifier(self, n_classes):
        self.head = nn.Linear(self.head.in_features, n_classes)


def accuracy(net, xs, ys):
    with torch.no_grad():
        return (net(xs).argmax(1) == ys).float().mean().item()


class FineTuner:
    def __init__(self, net, lr):
        self.net = net
        net.reset_classifier(4)
        for p in net.features.parameters():
            p.requires_grad_(False)
        self.opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=lr)

    def fit(self, xs, ys, xv, yv, n_classes, epochs):
        for ep in range(1, epochs + 1):
            tot = 0.0
            for idx in torch.randperm(len(xs)).split(32):
                loss = F.cross_entropy(self.net(xs[idx]), ys[idx])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                tot += loss.item() * len(idx)
            if ep % 5 == 0:
                print(f"  finetune epoch {ep:2d} loss {tot / len(xs):.4f} val acc {accuracy(self.net, xv, yv):.3f}")


old = y < 6
net = Backbone(6)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
xo, yo = x[old], y[old]
for ep in range(5):
    for idx in torch.randperm(len(xo)).split(64):
        loss = F.cross_entropy(net(xo[idx]), yo[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print(f"pretraining done, acc {accuracy(net, xo, yo):.3f}")

xn, yn = x[~old], y[~old] - 6
n = int(0.7 * len(xn))
tuner = FineTuner(net, lr=2e-3)
tuner.fit(xn[:n], yn[:n], xn[n:], yn[n:], n_classes=4, epochs=20)
