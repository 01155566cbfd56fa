"""One step ahead forecast of a noisy quasi-periodic signal with an LSTM."""

import os
import math
import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

T = 1600
t = torch.arange(T, dtype=torch.float32)
series = torch.sin(2 * math.pi * t / 25) + 0.5 * torch.sin(2 * math.pi * t / 60 + 1.0) + 0.1 * torch.randn(T)
mean, std = series[:1200].mean(), series[:1200].std()
series = (series - mean) / std

window = 24


def windows(x):
    X = x.unfold(0, window + 1, 1)
    return X[:, :-1].unsqueeze(-1), X[:, -1:]


Xtrain, ytrain = windows(series[:1200])
Xtest, ytest = windows(series[1200:])


class Forecaster(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.linear(out[:, -1])


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.4)
loss_fn = nn.MSELoss()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(Xtrain, ytrain), shuffle=True, batch_size=32)

for epoch in range(15):
    model.train()
    for X_batch, y_batch in loader:
        loss = loss_fn(model(X_batch), y_batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    scheduler.step()
    if epoch % 5 and epoch != 14:
        continue
    model.eval()
    with torch.no_grad():
        train_rmse = loss_fn(model(Xtrain), ytrain).sqrt()
        test_rmse = loss_fn(model(Xtest), ytest).sqrt()
    print("Epoch %d: train RMSE %.4f, test RMSE %.4f" % (epoch, train_rmse, test_rmse))
