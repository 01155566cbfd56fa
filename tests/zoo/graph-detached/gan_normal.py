# "GAN in 50 lines": learn a 1-d normal distribution, mean 4, std 1.25
import torch
import torch.nn as nn

torch.manual_seed(4)
MEAN, STD, BATCH = 4.0, 1.25, 128

G = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.1), nn.Linear(32, 32), nn.LeakyReLU(0.1), nn.Linear(32, 1))
D = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.1), nn.Linear(32, 32), nn.LeakyReLU(0.1), nn.Linear(32, 1))
opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
opt_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.9))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)


def real_batch():
    return MEAN + STD * torch.randn(BATCH, 1)


for step in range(1, 2001):
    fake = G(torch.randn(BATCH, 4))

    # discriminator
    opt_D.zero_grad()
    loss_D = bce(D(real_batch()), ones) + bce(D(fake.detach()), zeros)
    loss_D.backward()
    opt_D.step()

    # generator wants the discriminator to say "real"
    opt_G.zero_grad()
    loss_G = bce(D(fake), ones)
    loss_G.backward()
    opt_G.step()

    if step % 200 == 0:
        with torch.no_grad():
            s = G(torch.randn(2000, 4))
        print(f"step {step:5d}  D {loss_D.item():.3f}  G {loss_G.item():.3f}  "
              f"samples: mean {s.mean():.2f} std {s.std():.2f}")
