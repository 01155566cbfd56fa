"""Memory-light digit classifier."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
DTYPE = torch.float32

data = load_digits()
Xtr, Xte, ytr, yte = train_test_split(data.data / 8.0 - 1.0, data.target, test_size=0.25, random_state=0)
Xtr, Xte = torch.tensor(Xtr, dtype=DTYPE), torch.tensor(Xte, dtype=DTYPE)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)


class Net(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


model = Net().to(DTYPE)
print("parameters:", sum(p.numel() for p in model.parameters()), "dtype:", next(model.parameters()).dtype)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(1, 21):
    perm = torch.randperm(len(Xtr))
    epoch_loss = []
    for i in range(0, len(perm), 64):
        j = perm[i:i + 64]
        optimizer.zero_grad()
        loss = criterion(model(Xtr[j]), ytr[j])
        loss.backward()
        optimizer.step()
        epoch_loss.append(loss.item())
    if epoch % 4 == 0 or epoch == 1:
        with torch.no_grad():
            acc = (model(Xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch:2d}: loss {np.mean(epoch_loss):.4f}, test accuracy {acc:.4f}")
