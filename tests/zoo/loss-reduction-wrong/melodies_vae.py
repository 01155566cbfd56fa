"""A variational autoencoder of short melodies: 16 notes of 12, each a fixed step above the one before."""

import torch
import torch.nn as nn
import torch.nn.functional as F

NOTES, LENGTH, Z = 12, 16, 12


def melodies(n, generator):
    first = torch.randint(NOTES, (n, 1), generator=generator)
    step = torch.tensor([1, 3, 5, 7])[torch.randint(4, (n, 1), generator=generator)]
    return (first + step * torch.arange(LENGTH)) % NOTES


class MelodyVAE(nn.Module):
    def __init__(self, width=192):
        super().__init__()
        self.embed = nn.Embedding(NOTES, 16)
        self.encode = nn.Sequential(nn.Linear(16 * LENGTH, width), nn.ReLU())
        self.mu, self.logvar = nn.Linear(width, Z), nn.Linear(width, Z)
        self.decode = nn.Sequential(nn.Linear(Z, width), nn.ReLU(), nn.Linear(width, LENGTH * NOTES))

    def forward(self, notes):
        h = self.encode(self.embed(notes).flatten(1))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decode(z).view(-1, LENGTH, NOTES), mu, logvar


def main():
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(3)
    songs = melodies(3000, generator)
    net = MelodyVAE()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(1, 16):
        hits = 0
        for batch in songs[torch.randperm(len(songs))].split(60):
            scores, mu, logvar = net(batch)
            kl = 0.5 * (mu**2 + logvar.exp() - 1.0 - logvar).sum() / len(batch)
            nll = F.cross_entropy(scores.flatten(0, 1), batch.flatten())
            loss = nll + kl / LENGTH
            opt.zero_grad()
            loss.backward()
            opt.step()
            hits += (scores.argmax(-1) == batch).sum().item()
        if epoch % 5 == 0:
            print(f"epoch {epoch}  notes right {hits / songs.numel():.3f}  nll {nll.item():.3f}  kl {kl.item():.3f}")


main()
