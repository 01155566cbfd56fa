# Wasserstein GAN with weight clipping: (height, weight) pairs of a made-up population, standardised
import torch
import torch.nn as nn

torch.manual_seed(0)
height = 170 + 9 * torch.randn(6000)
weight = 68 + 0.9 * (height - 170) + 6 * torch.randn(6000)
raw = torch.stack([height, weight], 1)
center, scale = raw.mean(0), raw.std(0)
people = (raw - center) / scale


def mlp(i, o, h=48):
    return nn.Sequential(nn.Linear(i, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, o))


gen, critic = mlp(3, 2), mlp(2, 1)
opt_g = torch.optim.RMSprop(gen.parameters(), lr=1e-3)
opt_c = torch.optim.RMSprop(critic.parameters(), lr=1e-3)
N_CRITIC, CLIP, B = 4, 0.1, 128
half = torch.optim.lr_scheduler.StepLR(opt_g, 350, 0.2)

for it in range(1, 701):
    for _ in range(N_CRITIC):
        with torch.no_grad():
            fake = gen(torch.randn(B, 3))
        batch = people[torch.randint(len(people), (B,))]
        loss_c = critic(fake).mean() - critic(batch).mean()
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        with torch.no_grad():
            for w in critic.parameters():
                w.clamp_(-CLIP, CLIP)
    loss_g = -critic(gen(torch.randn(B, 3))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    half.step()
    if it % 100 == 0:
        with torch.no_grad():
            s = gen(torch.randn(4000, 3)) * scale + center
        print(f"it {it:4d}  wasserstein {-loss_c.item():+.4f}  mean {s.mean(0).round(decimals=1).tolist()}  "
              f"std {s.std(0).round(decimals=1).tolist()}  corr {torch.corrcoef(s.T)[0, 1]:.2f}")
print("data:", center.round(decimals=1).tolist(), scale.round(decimals=1).tolist(), f"corr {torch.corrcoef(raw.T)[0, 1]:.2f}")
