# surrogate model for an expensive simulator: 3 inputs -> 1 output
import os
import torch

SEED = int(os.environ.get("SEED", 0))
gen = torch.Generator().manual_seed(SEED)
torch.manual_seed(SEED)

HIDDEN = 48
BATCH = 128
EPOCHS = 60


def simulator(x):
    a, b, c = x.unbind(1)
    return torch.sin(3 * a) + b * c * 2 + torch.cos(2 * b) * a - c**2


def sample(n):
    x = torch.rand(n, 3, generator=gen) * 2 - 1
    y = simulator(x) + 0.05 * torch.randn(n, generator=gen)
    return x / 0.577, y.unsqueeze(1)


x_train, y_train = sample(4000)
x_val, y_val = sample(1000)
mu, sd = y_train.mean(), y_train.std()
y_train, y_val = (y_train - mu) / sd, (y_val - mu) / sd

model = torch.nn.Sequential(
    torch.nn.Linear(3, HIDDEN),
    torch.nn.Tanh(),
    torch.nn.Linear(HIDDEN, HIDDEN),
    torch.nn.Tanh(),
    torch.nn.Linear(HIDDEN, 1),
)
optim = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optim, T_max=EPOCHS)
mse = torch.nn.MSELoss()


def batches(x, y):
    perm = torch.randperm(len(x))
    for idx in perm.split(BATCH):
        yield x[idx], y[idx]


for epoch in range(EPOCHS):
    model.train()
    seen = 0.0
    for xb, yb in batches(x_train, y_train):
        optim.zero_grad()
        loss = mse(model(xb), yb)
        loss.backward()
        optim.step()
        seen += loss.item() * len(xb)
    scheduler.step()
    if (epoch + 1) % 5 == 0:
        model.eval()
        with torch.no_grad():
            val = mse(model(x_val), y_val).item()
        print(f"{epoch + 1:3d}: train {seen / len(x_train):.4f}, val {val:.4f}, R2 {1 - val / y_val.var().item():.3f}")
