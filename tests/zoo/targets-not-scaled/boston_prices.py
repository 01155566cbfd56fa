# House prices, Boston 1978
import os
import sys
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader
from mlxtend.data import boston_housing_data


class Housing(Dataset):
    def __init__(self, x, price):
        self.x = torch.as_tensor(x, dtype=torch.float32)
        self.price = torch.as_tensor(price, dtype=torch.float32)

    def __len__(self):
        return len(self.price)

    def __getitem__(self, i):
        return self.x[i], self.price[i]


class Regressor(nn.Module):
    def __init__(self, n_in, width=32):
        super().__init__()
        self.hidden = nn.Linear(n_in, width)
        self.act = nn.ReLU()
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.act(self.hidden(x))).squeeze(-1)


def mse(model, ds):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(ds.x), ds.price).item()


seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)
x, price = boston_housing_data()  # price in 1000 dollars
price = price / 10
g = torch.randperm(len(x)).numpy()
x, price = x[g], price[g]
mu, sd = x[:380].mean(0), x[:380].std(0)
x = (x - mu) / sd
train, test = Housing(x[:380], price[:380]), Housing(x[380:], price[380:])
loader = DataLoader(train, batch_size=20, shuffle=True)

model = Regressor(13)
opt = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-3)
for epoch in range(40):
    model.train()
    for xb, pb in loader:
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(xb), pb)
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        a, b = mse(model, train), mse(model, test)
        print(f"epoch {epoch + 1}: train {a:.4g} test {b:.4g} r2 {1 - b / test.price.var().item():.3f}")
