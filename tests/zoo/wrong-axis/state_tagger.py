"""Label every step of a sensor sequence with the hidden state of the machine (BiLSTM tagger)."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
N_STATES = 4


def simulate(n, length, rng):
    stay = 0.9
    centres = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.2], [0.0, -1.2]])
    states = np.zeros((n, length), dtype=np.int64)
    states[:, 0] = rng.integers(0, N_STATES, n)
    for t in range(1, length):
        jump = rng.random(n) > stay
        states[:, t] = np.where(jump, rng.integers(0, N_STATES, n), states[:, t - 1])
    obs = centres[states] + rng.normal(0, 0.7, (n, length, 2))
    return torch.tensor(obs, dtype=torch.float32), torch.tensor(states)


class Tagger(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.LSTM(2, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, N_STATES)

    def forward(self, x):
        h, _ = self.rnn(x)
        return F.log_softmax(self.fc(h), dim=-1)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        logp = model(x)
        loss = F.nll_loss(logp.reshape(-1, N_STATES), y.reshape(-1))
        acc = (logp.argmax(-1) == y).float().mean()
    return loss.item(), acc.item()


def fit(model, x, y, x_val, y_val, epochs=10, batch_size=32, lr=5e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    history = []
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            logp = model(x[idx])
            loss = F.nll_loss(logp.reshape(-1, N_STATES), y[idx].reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
        train_loss, train_acc = evaluate(model, x[:300], y[:300])
        val_loss, val_acc = evaluate(model, x_val, y_val)
        history.append((train_loss, val_loss))
        print(
            f"epoch {epoch + 1} train loss {train_loss:.4f} acc {train_acc:.4f} | val loss {val_loss:.4f} val_acc {val_acc:.4f}"
        )
    return history


if __name__ == "__main__":
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    x, y = simulate(1200, 40, rng)
    x_val, y_val = simulate(300, 40, rng)
    fit(Tagger(), x, y, x_val, y_val)
