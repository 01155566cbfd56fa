"""LSTM over a hidden-free Markov chain of weather states; how close does it come to the entropy of the chain?"""
import os

import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
STATES = ["sun", "cloud", "rain", "storm", "fog", "snow"]
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

transition = rng.dirichlet(np.full(len(STATES), 1.5), size=len(STATES))
cumulative = transition.cumsum(1)


def walk(n, length):
    days = np.zeros((n, length), dtype=np.int64)
    days[:, 0] = rng.integers(len(STATES), size=n)
    for t in range(1, length):
        days[:, t] = (rng.random((n, 1)) > cumulative[days[:, t - 1]]).sum(1).clip(max=len(STATES) - 1)
    return torch.from_numpy(days)


class WeatherLSTM(nn.Module):
    def __init__(self, n_states, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(n_states, 8)
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.out = nn.Linear(hidden, n_states)

    def forward(self, days):
        h, _ = self.lstm(self.embed(days))
        return self.out(h)


train, test = walk(1500, 33), walk(300, 33)
model = WeatherLSTM(len(STATES))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12, eta_min=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    losses = []
    for batch in train[torch.randperm(len(train))].split(50):
        logits = model(batch[:, :-1])
        loss = criterion(logits.reshape(-1, len(STATES)), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    print(f"epoch {epoch + 1:2d}  cross-entropy {np.mean(losses):.4f}")

model.eval()
with torch.no_grad():
    logits = model(test[:, :-1])
    test_loss = criterion(logits.reshape(-1, len(STATES)), test[:, 1:].reshape(-1)).item()
    accuracy = (logits.argmax(-1) == test[:, 1:]).float().mean().item()
floor = -np.log(transition[test[:, :-1].numpy(), test[:, 1:].numpy()]).mean()
print(f"test {test_loss:.4f}  true chain {floor:.4f}  accuracy {accuracy:.4f}  excess {test_loss - floor:.4f}")
