import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_diabetes

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def data(batch_size):
    x, y = load_diabetes(return_X_y=True)
    x = torch.tensor(x / x.std(0), dtype=torch.float32)
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    return DataLoader(TensorDataset(x[:320], y[:320]), batch_size, shuffle=True), x[320:], y[320:]


loader, x_val, y_val = data(batch_size=32)
model = nn.Sequential(nn.Linear(10, 12), nn.Tanh(), nn.Linear(12, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.045, weight_decay=0.01)
mse = nn.MSELoss()
history = []
for epoch in range(1, 13):
    running = 0.0
    for x, y in loader:
        loss = mse(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(y) / 320
    with torch.no_grad():
        history.append(mse(model(x_val), y_val).item())
    print(f"epoch {epoch} mse {running:.4f} val_mse {history[-1]:.4f}")
print(f"mean val_mse of the last five epochs {sum(history[-5:]) / 5:.4f}")
