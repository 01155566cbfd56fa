# Denoising-free autoencoder for the 8x8 digits, bottleneck of 10
import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

config = dict(
    latent=10,
    hidden=96,
    lr=2e-3,
    batch_size=64,
    epochs=90,
    milestones=(60, 78),
)

X = load_digits().data.astype("float32") / 16.0
X_train, X_test = train_test_split(X, test_size=0.2, random_state=SEED)
X_train, X_test = torch.tensor(X_train), torch.tensor(X_test)


class AutoEncoder(nn.Module):
    def __init__(self, d, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, d))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder(64, config["hidden"], config["latent"])
optimizer = torch.optim.AdamW(model.parameters(), lr=config["lr"])
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, config["milestones"], gamma=0.2)
loss_fn = nn.MSELoss()
baseline = ((X_test - X_train.mean(0)) ** 2).mean().item()

for epoch in range(config["epochs"]):
    order = torch.randperm(len(X_train))
    epoch_loss = 0.0
    model.train()
    for i in range(0, len(order), config["batch_size"]):
        batch = X_train[order[i : i + config["batch_size"]]]
        optimizer.zero_grad()
        loss = loss_fn(model(batch), batch)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        test_loss = loss_fn(model(X_test), X_test).item()
    if epoch < 10 or epoch % 10 == 9:
        print(f"epoch {epoch:3d}  train mse {epoch_loss / len(X_train):.5f}  test mse {test_loss:.5f}")

print(f"explained variance on test: {1 - test_loss / baseline:.3f}")
