import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = ((X - 5) / 6).astype("float32")
Xtr, Xva, ytr, yva = map(torch.from_numpy, train_test_split(X, y, test_size=0.2, random_state=11))
train_loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=48, shuffle=True)
val_loader = DataLoader(TensorDataset(Xva, yva), batch_size=1)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 40)
        self.b = nn.Linear(40, 10)

    def forward(self, x):
        z = self.b(F.leaky_relu(self.a(x)))
        return F.log_softmax(z, dim=1)


def fit(model, epochs=20, lr=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=1e-3)
    for epoch in range(epochs):
        total = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = F.nll_loss(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        if epoch % 5 == 4:
            report(model, epoch + 1, total / len(Xtr))


@torch.no_grad()
def report(model, epoch, train_loss):
    loss, right = 0.0, 0
    for image, label in val_loader:
        logp = model(image)
        loss += F.nll_loss(logp, label).item()
        right += int(logp.argmax(1) == label)
    print(
        "epoch = %d, train loss = %.4f, val loss = %.4f, accuracy = %.4f"
        % (epoch, train_loss, loss / len(val_loader), right / len(val_loader))
    )


fit(Classifier())
