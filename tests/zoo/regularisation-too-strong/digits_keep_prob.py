# Port of my old TensorFlow 1 notebook: three-layer perceptron on the 8x8 digits.
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

# hyper-parameters, as in the notebook
learning_rate = 0.001
batch_size = 32
n_epochs = 25
n_hidden = [128, 128, 64]
keep_prob = 0.9

X, y = load_digits(return_X_y=True)
X = (X - 8.0) / 8.0
X_train, X_test, y_train, y_test = train_test_split(
    X.astype(np.float32), y, test_size=0.25, stratify=y, random_state=SEED
)
X_train, X_test = torch.from_numpy(X_train), torch.from_numpy(X_test)
y_train, y_test = torch.from_numpy(y_train), torch.from_numpy(y_test)


def dense(n_in, n_out):
    return [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(1 - keep_prob)]


layers = []
n_in = X.shape[1]
for n_out in n_hidden:
    layers += dense(n_in, n_out)
    n_in = n_out
layers.append(nn.Linear(n_in, 10))
model = nn.Sequential(*layers)

optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
criterion = nn.CrossEntropyLoss()
history = {"loss": [], "acc": []}

for epoch in range(n_epochs):
    model.train()
    perm = torch.randperm(len(X_train))
    epoch_loss = 0.0
    for start in range(0, len(perm), batch_size):
        idx = perm[start : start + batch_size]
        out = model(X_train[idx])
        loss = criterion(out, y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    scheduler.step()

    model.eval()
    with torch.no_grad():
        out = model(X_test)
        test_loss = criterion(out, y_test).item()
        acc = (out.argmax(1) == y_test).float().mean().item()
    history["loss"].append(epoch_loss / len(perm))
    history["acc"].append(acc)
    if (epoch + 1) % 5 == 0:
        print(
            f"Epoch {epoch + 1}/{n_epochs} cost = {epoch_loss / len(perm):.4f} test cost = {test_loss:.4f} accuracy = {acc:.3f}"
        )
