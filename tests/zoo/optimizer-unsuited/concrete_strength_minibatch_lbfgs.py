import os
import numpy as np
import pandas as pd
import torch
from torch import nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

# mix design table
n = 2000
df = pd.DataFrame(
    {
        "cement": np.random.uniform(100, 540, n),
        "slag": np.random.uniform(0, 360, n) * (np.random.rand(n) < 0.5),
        "ash": np.random.uniform(0, 200, n) * (np.random.rand(n) < 0.4),
        "water": np.random.uniform(120, 250, n),
        "plasticizer": np.random.uniform(0, 30, n),
        "coarse": np.random.uniform(800, 1150, n),
        "fine": np.random.uniform(590, 990, n),
        "age": np.random.choice([3, 7, 14, 28, 56, 90], n),
    }
)
binder = df.cement + 0.6 * df.slag + 0.3 * df.ash
strength = 22 * (binder / df.water) ** 0.9 * (np.log(df.age) / np.log(28)) ** 0.7
strength += 6 * np.sin(df.plasticizer / 30 * np.pi) + 0.01 * (df.coarse - 970)
df["strength"] = strength + np.random.normal(0, 7, n)
df["age"] = np.log(df["age"])

train_df, test_df = train_test_split(df, test_size=0.2, random_state=SEED)
xs, ys = StandardScaler(), StandardScaler()
cols = [c for c in df.columns if c != "strength"]
X_train = torch.tensor(xs.fit_transform(train_df[cols]), dtype=torch.float32)
X_test = torch.tensor(xs.transform(test_df[cols]), dtype=torch.float32)
y_train = torch.tensor(ys.fit_transform(train_df[["strength"]]), dtype=torch.float32)
y_test = test_df["strength"].values

train_loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(len(cols), 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.2)

for epoch in range(8):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:

        def closure():
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        train_loss += loss.item() * len(xb)
    scheduler.step()
    if epoch % 2 == 1:
        model.eval()
        with torch.no_grad():
            pred = ys.inverse_transform(model(X_test).numpy()).ravel()
        rmse = np.sqrt(np.mean((pred - y_test) ** 2))
        print(
            f"epoch {epoch + 1} mse {train_loss / len(X_train):.4f} | test rmse {rmse:.2f} MPa, R2 {1 - np.mean((pred - y_test) ** 2) / y_test.var():.3f}"
        )
