# digits, three layers
import os
import torch
from torch import nn, optim
from torch.utils.data import TensorDataset, DataLoader
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

X, Y = load_digits(return_X_y=True)
X = X / 16.0
xtr, xva, ytr, yva = train_test_split(X, Y, test_size=0.25, random_state=0)
xtr, xva = torch.Tensor(xtr), torch.Tensor(xva)
ytr, yva = torch.LongTensor(ytr), torch.LongTensor(yva)
dl = DataLoader(TensorDataset(xtr, ytr), batch_size=32, shuffle=True)

net = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-3)

for epoch in range(41):
    train_loss = 0.0
    for xb, yb in dl:
        optimizer.zero_grad()
        out = net(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    if epoch % 4 == 0:
        with torch.no_grad():
            out = net(xva)
            val_loss = criterion(out, yva)
            val_acc = (out.max(1)[1] == yva).float().mean()
        print(
            "Epoch {} train loss {:.4f} val loss {:.4f} val acc {:.4f}".format(
                epoch, train_loss / len(dl), val_loss, val_acc
            )
        )
