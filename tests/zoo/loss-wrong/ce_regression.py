import os
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_diabetes(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(StandardScaler().fit_transform(y[:, None]), dtype=torch.float32)
p = torch.randperm(len(X))
loader = DataLoader(TensorDataset(X[p[:340]], y[p[:340]]), batch_size=17, shuffle=True)


class Progression(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


model = Progression()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-2)
for epoch in range(20):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            t = y[p[340:]]
            r2 = 1 - (model(X[p[340:]]) - t).square().sum() / (t - t.mean()).square().sum()
        print("epoch", epoch + 1, "loss", round(loss.item(), 4), "R2", round(r2.item(), 4))
