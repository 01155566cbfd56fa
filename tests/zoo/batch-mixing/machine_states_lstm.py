import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def log(steps=24):
    """Events of a machine, one-hot, and its state after each: an odd count of switches since the last reset is on."""
    events = rng.choice(4, size=steps, p=[0.45, 0.3, 0.1, 0.15])  # nothing, switch, reset, ping
    state, states = 0, []
    for event in events:
        state = 0 if event == 2 else state ^ int(event == 1)
        states.append(state)
    return np.eye(4, dtype=np.float32)[events], states


class StateReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 32, batch_first=True)
        self.out = nn.Linear(32, 2)

    def forward(self, x):
        h, _ = self.lstm(x)
        return self.out(h)


x, y = zip(*(log() for _ in range(2560)))
x, y = torch.tensor(np.stack(x)), torch.tensor(np.stack(y))
loader = DataLoader(TensorDataset(x[:2048], y[:2048]), batch_size=64, shuffle=True)
net = StateReader()
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3)
lossf = nn.CrossEntropyLoss()
for epoch in range(10):
    total = 0.0
    for events, states in loader:
        scores = net(events)
        loss = lossf(scores.flatten(0, 1), states.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    with torch.no_grad():
        right = (net(x[2048:]).argmax(-1) == y[2048:]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}, states right {right:.3f}")
