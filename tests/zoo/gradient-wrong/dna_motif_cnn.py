"""DNA windows: which of five transcription factors binds? Conv net with its own cross-entropy Function."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

MOTIFS = ["TGACTCAT", "CACGTGAC", "GGGCGGGA", "TATAAAAG", "AGGTCACC"]
BASES = "ACGT"
LENGTH = 60


def make_windows(n):
    seq = rng.integers(0, 4, (n, LENGTH))
    label = rng.integers(0, len(MOTIFS), n)
    for i, k in enumerate(label):
        motif = np.array([BASES.index(c) for c in MOTIFS[k]])
        change = rng.random(len(motif)) < 0.08
        motif = np.where(change, rng.integers(0, 4, len(motif)), motif)
        at = rng.integers(0, LENGTH - len(motif))
        seq[i, at : at + len(motif)] = motif
    onehot = F.one_hot(torch.from_numpy(seq), 4).float().transpose(1, 2)
    return (onehot - 0.25) / 0.43, torch.from_numpy(label)


class SoftmaxCrossEntropy(torch.autograd.Function):
    """Softmax and cross-entropy in one, so that the backward pass is simply p - onehot."""

    @staticmethod
    def forward(ctx, logits, target):
        shifted = logits - logits.max(1, keepdim=True).values
        logp = shifted - shifted.exp().sum(1, keepdim=True).log()
        ctx.save_for_backward(logp, target)
        return -logp.gather(1, target[:, None]).mean()

    @staticmethod
    def backward(ctx, grad_output):
        logp, target = ctx.saved_tensors
        grad = logp.exp()
        grad[torch.arange(len(target)), target] -= 1.0
        return grad_output * grad / len(target), None


class MotifNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 32, 10, padding=5)
        self.drop = nn.Dropout(0.1)
        self.fc1 = nn.Linear(32, 32)
        self.fc2 = nn.Linear(32, len(MOTIFS))

    def forward(self, x):
        h = F.relu(self.conv(x)).amax(-1)
        return self.fc2(self.drop(F.relu(self.fc1(h))))


def run_epoch(model, x, y, size, optimizer=None):
    training = optimizer is not None
    model.train(training)
    order = torch.randperm(len(x)) if training else torch.arange(len(x))
    loss_sum, right = 0.0, 0
    with torch.set_grad_enabled(training):
        for idx in order.split(size):
            logits = model(x[idx])
            loss = SoftmaxCrossEntropy.apply(logits, y[idx])
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(idx)
            right += (logits.argmax(1) == y[idx]).sum().item()
    return loss_sum / len(x), right / len(x)


x_train, y_train = make_windows(5000)
x_val, y_val = make_windows(1000)
model = MotifNet()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.3)
for epoch in range(15):
    tl, ta = run_epoch(model, x_train, y_train, 64, optimizer)
    vl, va = run_epoch(model, x_val, y_val, 250)
    scheduler.step()
    print(f"epoch {epoch:2d} train loss {tl:.4f} acc {ta:.3f} | val loss {vl:.4f} acc {va:.3f}")
