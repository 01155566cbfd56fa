import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

digits = load_digits()
X = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
X_train, y_train, X_val, y_val = X[perm[:1400]], y[perm[:1400]], X[perm[1400:]], y[perm[1400:]]

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 10))


def objective(out, y):
    return nn.functional.cross_entropy(out, y)


def predict(out):
    return out.argmax(1)


optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
for epoch in range(20):
    model.train()
    total = 0.0
    for idx in torch.randperm(1400).split(40):
        optimizer.zero_grad()
        loss = objective(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 35
    model.eval()
    if epoch % 4 == 3:
        with torch.no_grad():
            out = model(X_val)
            print(
                f"epoch {epoch + 1:2d} train loss {total:.3f} val loss {objective(out, y_val).item():.3f} val acc {(predict(out) == y_val).float().mean().item():.3f}"
            )
