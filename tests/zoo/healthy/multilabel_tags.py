import os
import numpy as np
import torch
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
X, Y = make_multilabel_classification(n_samples=2400, n_features=30, n_classes=6, n_labels=2, random_state=seed + 1)
X = np.log1p(X)
X = (X - X.mean(0)) / (X.std(0) + 1e-6)
X, Y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)
train = TensorDataset(X[:1800], Y[:1800])
loader = DataLoader(train, batch_size=64, shuffle=True)


class Tagger(nn.Module):
    def __init__(self, d_in, d_out):
        super(Tagger, self).__init__()
        self.fc1 = nn.Linear(d_in, 32)
        self.fc2 = nn.Linear(32, d_out)
        self.dropout = nn.Dropout(p=0.3)

    def forward(self, x):
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


model = Tagger(30, 6)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.88)
for epoch in range(20):
    model.train()
    epoch_loss = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        epoch_loss.append(loss.item())
    scheduler.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            out = model(X[1800:])
        print(
            "epoch",
            epoch + 1,
            "train",
            np.mean(epoch_loss).round(4),
            "val",
            criterion(out, Y[1800:]).item(),
            "micro-F1",
            round(f1_score(Y[1800:].numpy(), (out > 0).numpy(), average="micro"), 4),
        )
