import argparse
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def get_args():
    p = argparse.ArgumentParser(description="MLP-Mixer on the 8x8 digits")
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float, default=3e-2)
    p.add_argument("--momentum", type=float, default=0.9)
    p.add_argument("--dim", type=int, default=32)
    p.add_argument("--depth", type=int, default=2)
    return p.parse_args()


class Mlp(nn.Sequential):
    def __init__(self, dim, hidden):
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.token_mix = Mlp(tokens, 32)
        self.channel_mix = Mlp(dim, 2 * dim)

    def forward(self, x):
        x = x + self.token_mix(self.n1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mix(self.n2(x))


class Mixer(nn.Module):
    def __init__(self, dim, depth, classes=10, patch=2):
        super().__init__()
        self.patchify = nn.Conv2d(1, dim, patch, stride=patch)
        self.blocks = nn.Sequential(*[MixerBlock((8 // patch) ** 2, dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.fc = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patchify(x).flatten(2).transpose(1, 2)
        return self.fc(self.norm(self.blocks(x)).mean(1))


def main():
    args = get_args()
    seed = int(os.environ.get("SEED", 0))
    np.random.seed(seed)
    torch.manual_seed(seed)

    X, y = load_digits(return_X_y=True)
    X = ((X - X.mean()) / X.std()).astype(np.float32).reshape(-1, 1, 8, 8)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    train_set = torch.utils.data.TensorDataset(torch.tensor(Xtr), torch.tensor(ytr))
    loader = torch.utils.data.DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    Xte, yte = torch.tensor(Xte), torch.tensor(yte)

    model = Mixer(args.dim, args.depth)
    opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=args.epochs)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(args.epochs):
        model.train()
        losses = []
        for xb, yb in loader:
            opt.zero_grad(set_to_none=True)
            loss = loss_fn(model(xb), yb)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        model.eval()
        with torch.no_grad():
            out = model(Xte)
        print(
            f"[{epoch + 1}/{args.epochs}] train_loss={np.mean(losses):.4f} "
            f"test_loss={loss_fn(out, yte).item():.4f} test_acc={(out.argmax(1) == yte).float().mean():.4f}"
        )


if __name__ == "__main__":
    main()
