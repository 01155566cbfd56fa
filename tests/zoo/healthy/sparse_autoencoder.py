"""A sparse autoencoder of activations, twice as wide as they are, with an L1 penalty."""
import torch
from torch import nn

torch.manual_seed(0)
basis = nn.functional.normalize(torch.randn(48, 24), dim=1)


def activations(n):
    return (torch.rand(n, 48) * (torch.rand(n, 48) < 0.08)) @ basis


class SAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(24, 96), nn.Linear(96, 24)

    def forward(self, x):
        codes = torch.relu(self.encode(x))
        return self.decode(codes), codes


sae = SAE()
opt = torch.optim.Adam(sae.parameters(), lr=2e-3)
for step in range(800):
    batch = activations(256)
    rebuilt, codes = sae(batch)
    loss = ((rebuilt - batch) ** 2).sum(1).mean() + 0.01 * codes.abs().sum(1).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item(), (codes > 0).float().mean().item())
