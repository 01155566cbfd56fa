"""Predict flat prices from the listing. First neural network for the portfolio."""

import os

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

# ---- the table -------------------------------------------------------------
n = 3000
df = pd.DataFrame(
    {
        "area": np.random.gamma(6, 13, n).clip(18, 260),
        "rooms": np.random.randint(1, 7, n),
        "floor": np.random.randint(0, 12, n),
        "year": np.random.randint(1900, 2024, n),
        "km_to_centre": np.random.exponential(5, n).clip(0.2, 30),
        "balcony": np.random.randint(0, 2, n),
    }
)
df["price"] = (
    40_000
    + 3_100 * df.area * np.exp(-df.km_to_centre / 14)
    + 6_000 * df.rooms
    + 1_500 * df.floor
    + 14_000 * df.balcony
    + 450 * (df.year - 1960).abs()
    + np.random.normal(0, 18_000, n)
)

# ---- preparation -----------------------------------------------------------
X = df.drop(columns="price").to_numpy(np.float32)
y = df[["price"]].to_numpy(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=SEED)

x_scaler = StandardScaler().fit(X_train)
y_scaler = StandardScaler().fit(y_train)
y_train, y_test = y_scaler.transform(y_train), y_scaler.transform(y_test)
X_train, X_test = x_scaler.transform(X_train), x_scaler.transform(X_test)
print("train", X_train.shape, "test", X_test.shape, "mean target", round(float(y_train.mean()), 3))

loader = DataLoader(TensorDataset(torch.tensor(X_train), torch.tensor(y_train)), batch_size=64, shuffle=True)

# ---- model -----------------------------------------------------------------
model = nn.Sequential(
    nn.Linear(6, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.3)

# ---- training --------------------------------------------------------------
for epoch in range(45):
    model.train()
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    scheduler.step()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            pred = model(torch.tensor(X_test)).numpy()
        print(f"epoch {epoch + 1}: loss {running / len(X_train):.4f}, test R2 {r2_score(y_test, pred):.4f}")
