"""A denoising autoencoder without a narrow layer, that adds noise itself while it trains."""
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
x = torch.tensor(load_digits().data, dtype=torch.float32) / 16


class Denoising(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))

    def forward(self, x):
        if self.training:
            x = x + 0.3 * torch.randn_like(x)
        return self.net(x)


model = Denoising()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(500):
    batch = x[torch.randint(0, 1500, (64,))]
    loss = nn.functional.mse_loss(model(batch), batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
