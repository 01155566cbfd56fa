# benign or malignant
import os
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
data = load_breast_cancer()
x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32).unsqueeze(1)
perm = torch.randperm(569)
x, y = x[perm], y[perm]

model = torch.nn.Sequential(
    torch.nn.Linear(30, 16),
    torch.nn.ReLU(),
    torch.nn.Linear(16, 1),
    torch.nn.Sigmoid(),
)
bce = torch.nn.BCELoss()
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
for epoch in range(40):
    for k in range(0, 400, 25):
        loss = bce(model(x[k : k + 25]), y[k : k + 25])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            p = model(x[400:])
            print(
                f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {((p > 0.5) == (y[400:] > 0.5)).float().mean().item():.3f}"
            )
