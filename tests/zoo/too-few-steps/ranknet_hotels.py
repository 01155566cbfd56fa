"""RankNet: learn to order hotels from pairs of which one was booked."""
import os

import numpy as np
import torch
from torch import nn, optim

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FEATURES = 8
NUM_EPOCHS = 40


def utility(h):
    price, stars, distance, rating = h[:, 0], h[:, 1], h[:, 2], h[:, 3]
    return (1.2 * rating + 0.8 * np.tanh(2 * stars) - 0.6 * price * (price > 0) - 0.9 * np.abs(distance)
            + 0.7 * stars * h[:, 4] - 0.4 * h[:, 5] ** 2)


hotels = rng.normal(size=(1200, FEATURES)).astype(np.float32)
score = utility(hotels)


def draw_pairs(ids, n):
    a, b = rng.choice(ids, n), rng.choice(ids, n)
    first = rng.random(n) < 1 / (1 + np.exp(-4 * (score[a] - score[b])))
    return torch.tensor(hotels[a]), torch.tensor(hotels[b]), torch.tensor(first.astype(np.float32))


train_a, train_b, train_y = draw_pairs(np.arange(900), 12000)
test_ids = np.arange(900, 1200)

scorer = nn.Sequential(nn.Linear(FEATURES, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))
optimizer = optim.SGD(scorer.parameters(), lr=0.1, momentum=0.9)
criterion = nn.BCEWithLogitsLoss()


def order_agreement():
    scorer.eval()
    with torch.no_grad():
        s = scorer(torch.tensor(hotels[test_ids])).squeeze(1).numpy()
    truth = score[test_ids]
    upper = np.triu_indices(len(s), 1)
    same = np.sign(s[:, None] - s[None]) * np.sign(truth[:, None] - truth[None])
    return same[upper].mean()


for epoch in range(NUM_EPOCHS):
    scorer.train()
    order = torch.randperm(len(train_y))
    running = []
    for i in range(0, len(order), 256):
        idx = order[i:i + 256]
        optimizer.zero_grad()
        margin = scorer(train_a[idx]) - scorer(train_b[idx])
        loss = criterion(margin.squeeze(1), train_y[idx])
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    print(f"epoch {epoch + 1:3d}  loss {np.mean(running):.4f}")

print(f"kendall tau {order_agreement():.4f}")
