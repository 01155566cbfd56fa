import os
import numpy as np
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
rng = np.random.RandomState(int(os.environ.get("SEED", 0)))

# series with two seasons; predict the next value from the last 24
t = np.arange(3000)
series = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 7.3) + 0.1 * rng.randn(3000)
series = (series - series.mean()) / series.std()
windows = np.lib.stride_tricks.sliding_window_view(series, 25).astype(np.float32)
x, y = torch.tensor(windows[:, :24]), torch.tensor(windows[:, 24:])
x_train, y_train, x_test, y_test = x[:2200], y[:2200], x[2250:], y[2250:]


class Forecaster(torch.nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = torch.nn.Linear(24, hidden)
        self.norm = torch.nn.LayerNorm(hidden)
        self.out = torch.nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(torch.nn.functional.gelu(self.norm(self.hidden(x))))


model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 16):
    total = 0.0
    for b in torch.randperm(2200).split(44):
        opt.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x_train[b]), y_train[b])
        loss.backward()
        opt.step()
        total += loss.item() / 50
    if epoch % 3 == 0:
        with torch.no_grad():
            print(
                "epoch %d train mse %.4f test mse %.4f"
                % (epoch, total, torch.nn.functional.mse_loss(model(x_test), y_test))
            )
