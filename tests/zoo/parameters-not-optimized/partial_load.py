"""Load a checkpoint of a denoising autoencoder into the trunk of a classifier, and train the head."""
import os
import tempfile

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32) / 8 - 1
y = torch.tensor(data.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU()
        )
        self.decoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU()
        )
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.trunk(x))


ae = AutoEncoder()
opt = torch.optim.Adam(ae.parameters(), lr=2e-3)
for epoch in range(30):
    for idx in torch.randperm(1400).split(64):
        noisy = x[idx] + 0.3 * torch.randn_like(x[idx])
        loss = nn.functional.mse_loss(ae(noisy), x[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print("autoencoder", round(loss.item(), 4))
path = os.path.join(tempfile.mkdtemp(), "ae.pt")
torch.save(ae.state_dict(), path)

model = Classifier()
state = {k.replace("encoder.", "trunk."): v for k, v in torch.load(path).items() if k.startswith("encoder.")}
model.load_state_dict(state, strict=False)
for p in model.trunk.parameters():
    p.requires_grad = False
opt = torch.optim.Adam(model.fc.parameters(), lr=5e-3)
for epoch in range(15):
    for idx in torch.randperm(1400).split(64):
        loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {acc:.3f}")
