import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

SEED = int(os.environ.get("SEED", 0))


def prepare(n_train=1300):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(digits.target)
    g = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(images), generator=g)
    images = images[order]
    labels = labels[order]
    return (images[:n_train], labels[:n_train]), (images[n_train:], labels[n_train:])


class SmallCNN(nn.Module):
    def __init__(self, channels=12, n_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.classifier = nn.Linear(8 * channels, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def train():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    (xt, yt), (xv, yv) = prepare()
    model, ce = SmallCNN(), nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10)
    for epoch in range(10):
        model.train()
        tot = 0.0
        for idx in torch.randperm(len(xt)).split(32):
            opt.zero_grad()
            loss = ce(model(xt[idx]), yt[idx])
            loss.backward()
            opt.step()
            tot += loss.item() * len(idx)
        sched.step()
        model.eval()
        with torch.no_grad():
            logits = model(xv)
        print(
            f"epoch={epoch} loss={tot / len(xt):.4f} val_loss={ce(logits, yv).item():.4f} val_acc={(logits.argmax(1) == yv).float().mean().item():.4f}"
        )


if __name__ == "__main__":
    train()
