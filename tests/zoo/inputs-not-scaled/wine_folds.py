import os

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = load_wine(return_X_y=True)
accuracies = []
for fold, (train, test) in enumerate(StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y)):
    mean, scale = X[train].mean(0), X[train].std(0)
    Xa = torch.tensor((X[train] - mean) / scale, dtype=torch.float32)
    Xb = torch.tensor((X[test] - mean) / scale, dtype=torch.float32)
    ya, yb = torch.tensor(y[train]), torch.tensor(y[test])
    model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
    opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.8, weight_decay=0.01)
    lossf = nn.CrossEntropyLoss()
    for epoch in range(60):
        epoch_loss = 0.0
        for idx in torch.randperm(len(Xa)).split(16):
            opt.zero_grad()
            loss = lossf(model(Xa[idx]), ya[idx])
            loss.backward()
            opt.step()
            epoch_loss += loss.item() * len(idx) / len(Xa)
        if epoch % 20 == 19:
            with torch.no_grad():
                out = model(Xb)
            print(f"fold {fold} epoch {epoch + 1} train {epoch_loss:.4f} test {lossf(out, yb).item():.4f}")
    accuracies.append((out.argmax(1) == yb).float().mean().item())
print(f"mean accuracy {np.mean(accuracies):.4f}")
