import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

images = torch.from_numpy(load_digits().images).float().div(16).flatten(1)
images = images[torch.randperm(len(images))]
train, test = images[:1400], images[1400:]


class AE(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ELU(), nn.Linear(96, code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.ELU(), nn.Linear(96, 64), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


ae = AE()
opt = torch.optim.Adam(ae.parameters(), lr=2e-3)
mse = nn.MSELoss()
for epoch in range(30):
    if epoch == 22:
        for group in opt.param_groups:
            group["lr"] *= 0.2
    perm = torch.randperm(len(train))
    tot = 0
    for k in range(0, len(train), 50):
        batch = train[perm[k : k + 50]]
        recon = ae(batch)
        loss = mse(recon, batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    if epoch % 6 == 5:
        with torch.no_grad():
            print(f"epoch {epoch + 1}: reconstruction {tot / 28:.5f} / held out {mse(ae(test), test).item():.5f}")
print("mean predictor", mse(train.mean(0).expand_as(test), test).item())
