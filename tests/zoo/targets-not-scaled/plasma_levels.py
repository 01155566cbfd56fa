"""Drug concentration in plasma (mol/L) from patient covariates and time since dose."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def simulate(n):
    weight = np.random.normal(72, 12, n).clip(45, 120)
    age = np.random.uniform(20, 80, n)
    renal = np.random.uniform(0.4, 1.2, n)
    dose = np.random.uniform(50, 200, n)             # mg
    hours = np.random.uniform(0.5, 12, n)
    volume = 0.7 * weight
    ke = 0.15 * renal * (1.2 - age / 200)
    ka = 1.1
    mg_per_l = dose / volume * ka / (ka - ke) * (np.exp(-ke * hours) - np.exp(-ka * hours))
    molar = mg_per_l / 1000 / 290.0
    molar = molar * np.exp(0.08 * np.random.randn(n))
    return np.column_stack([weight, age, renal, dose, hours]), molar


class ResidualMLP(nn.Module):
    def __init__(self, n_in, width=48):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.h1 = nn.Linear(width, width)
        self.h2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        x = x + torch.relu(self.h1(x))
        x = x + torch.relu(self.h2(x))
        return self.out(x).squeeze(-1)


X, conc = simulate(4000)
n_train = 3200
x_scaler = StandardScaler().fit(X[:n_train])
y_scaler = StandardScaler().fit(conc[:n_train, None])

features = torch.tensor(x_scaler.transform(X), dtype=torch.float32)
target = torch.tensor(y_scaler.transform(conc[:, None])[:, 0], dtype=torch.float32)

train = DataLoader(TensorDataset(features[:n_train], target[:n_train]), batch_size=64, shuffle=True)
test_x, test_y = features[n_train:], target[n_train:]

model = ResidualMLP(features.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()

for epoch in range(epochs):
    model.train()
    running = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    scheduler.step()

    model.eval()
    with torch.no_grad():
        pred = model(test_x)
        test_loss = criterion(pred, test_y).item()
    print(f"epoch {epoch + 1:2d} train {running / n_train:.4g} test {test_loss:.4g} R2 {r2_score(test_y.numpy(), pred.numpy()):.3f}")
