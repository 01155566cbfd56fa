import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer


class TumourNet(nn.Module):
    def __init__(self, n_features, hidden=20):
        super(TumourNet, self).__init__()
        self.fc1 = nn.Linear(n_features, hidden)
        self.fc2 = nn.Linear(hidden, 1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = self.dropout(x)
        x = self.fc2(x)
        return x


def main():
    seed = int(os.environ.get("SEED", 0))
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    idx = np.random.permutation(len(x))
    tr, va = idx[:400], idx[400:]
    x = torch.from_numpy(x).float()
    y = torch.from_numpy(y).float().view(-1, 1)

    model = TumourNet(x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(20):
        model.train()
        np.random.shuffle(tr)
        for i in range(0, len(tr), 25):
            pred = model(x[tr[i : i + 25]])
            loss = criterion(pred, y[tr[i : i + 25]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            train_loss = criterion(model(x[tr]), y[tr]).item()
            valid_loss = criterion(model(x[va]), y[va]).item()
        if epoch % 5 == 4:
            print("epoch", epoch + 1, "train loss = %.4f" % train_loss, "valid loss = %.4f" % valid_loss)


main()
