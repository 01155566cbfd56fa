"""Denoise pulse trains: convolutional encoder and a separate decoder, each with its own optimizer."""
import os

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
LENGTH = 48


def pulses(n):
    t = torch.linspace(0, 1, LENGTH)
    clean = torch.zeros(n, LENGTH)
    for _ in range(3):
        c = torch.rand(n, 1)
        w = 0.03 + 0.05 * torch.rand(n, 1)
        a = 0.6 + torch.rand(n, 1)
        clean += a * torch.exp(-(((t - c) / w) ** 2))
    clean = (clean - 0.5) / 0.6
    return clean + 0.4 * torch.randn(n, LENGTH), clean


class Encoder(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, channels, 5, padding=2), nn.ReLU(),
            nn.Conv1d(channels, channels, 5, stride=2, padding=2), nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x.unsqueeze(1))


class Decoder(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(channels, channels, 5, padding=2), nn.ReLU(),
            nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv1d(channels, 1, 5, padding=2),
        )

    def forward(self, z):
        return self.net(z).squeeze(1)


noisy, clean = pulses(3000)
test_noisy, test_clean = pulses(500)
encoder, decoder = Encoder(), Decoder()
enc_opt = torch.optim.Adam(encoder.parameters(), lr=4e-3)
dec_opt = torch.optim.Adam(decoder.parameters(), lr=4e-3)
criterion = nn.MSELoss()
EPOCHS, BATCH = 14, 50
enc_sched = torch.optim.lr_scheduler.CosineAnnealingLR(enc_opt, EPOCHS)
dec_sched = torch.optim.lr_scheduler.CosineAnnealingLR(dec_opt, EPOCHS)

for epoch in range(EPOCHS):
    perm = torch.randperm(len(noisy))
    total = 0.0
    for i in range(0, len(perm), BATCH):
        idx = perm[i : i + BATCH]
        enc_opt.zero_grad()
        dec_opt.zero_grad()
        loss = criterion(decoder(encoder(noisy[idx])), clean[idx])
        loss.backward()
        enc_opt.step()
        dec_opt.step()
        total += loss.item()
    enc_sched.step()
    dec_sched.step()
    with torch.no_grad():
        val = criterion(decoder(encoder(test_noisy)), test_clean).item()
    print(f"epoch {epoch + 1:2d} train {total / (len(perm) // BATCH):.4f} test {val:.4f} R2 {1 - val / test_clean.var().item():.3f}")
