import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def data(batch_size):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    return DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size, shuffle=True), x[1400:], y[1400:]


loader, x_val, y_val = data(batch_size=1)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.5, weight_decay=5e-4)
seen, epoch, running = 0, 0, 0.0
while seen < 1400 * 6:
    epoch += 1
    model.train()
    running = 0.0
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen += len(y)
        running += loss.item() * len(y) / 1400
    model.eval()
    with torch.no_grad():
        z = model(x_val)
    print(f"epoch {epoch} loss {running:.4f} val_loss {nn.functional.cross_entropy(z, y_val):.4f} val_acc {(z.argmax(1) == y_val).float().mean():.4f}")
