import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Denoiser(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.ReLU()
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * c, c, 2, stride=2), nn.ReLU(), nn.Conv2d(c, 1, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, x):
        return self.up(self.down(x))


def main():
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    torch.set_num_threads(1)
    clean = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
    clean = clean[torch.randperm(len(clean))]
    train, val = clean[:1500], clean[1500:]
    noisy_val = val + 0.25 * torch.randn_like(val)
    model, mse = Denoiser(), nn.MSELoss()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.StepLR(opt, 4, 0.4)
    print("noise itself", round(mse(noisy_val, val).item(), 4))
    for epoch in range(12):
        seen = 0.0
        for b in torch.randperm(1500).split(50):
            x = train[b]
            loss = mse(model(x + 0.25 * torch.randn_like(x)), x)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += loss.item() / 30
        sched.step()
        with torch.no_grad():
            print("epoch", epoch + 1, f"train {seen:.5f}", f"val {mse(model(noisy_val), val).item():.5f}")


main()
