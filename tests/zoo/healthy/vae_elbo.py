import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import load_digits


class VAE(nn.Module):
    def __init__(self, zdim=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.mu, self.logvar = nn.Linear(128, zdim), nn.Linear(128, zdim)
        self.dec = nn.Sequential(nn.Linear(zdim, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(z), mu, logvar


def elbo_terms(logits, x, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec, kl


def main():
    torch.manual_seed(0)
    X = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    X = X[torch.randperm(len(X))]
    train, test = X[:1500], X[1500:]
    vae = VAE()
    opt = torch.optim.Adam(vae.parameters(), lr=1e-3)
    mean_img = train.mean(0).clamp(1e-3, 1 - 1e-3)
    base = F.binary_cross_entropy(mean_img.expand_as(test), test, reduction="sum") / len(test)
    floor = F.binary_cross_entropy(test, test, reduction="sum") / len(test)
    print(f"reconstruction of the mean image: {base:.2f}, perfect reconstruction: {floor:.2f}")
    for epoch in range(80):
        vae.train()
        for b in torch.randperm(1500).split(50):
            logits, mu, lv = vae(train[b])
            rec, kl = elbo_terms(logits, train[b], mu, lv)
            opt.zero_grad()
            (rec + kl).backward()
            opt.step()
        if epoch % 10 == 9:
            vae.eval()
            with torch.no_grad():
                rec, kl = (t / len(test) for t in elbo_terms(*((lambda o: (o[0], test, o[1], o[2]))(vae(test)))))
            print(f"epoch {epoch + 1:3d}  -ELBO {rec + kl:.2f}  rec {rec:.2f}  kl {kl:.2f}")
    with torch.no_grad():
        sample = vae.dec(torch.randn(200, 8)).sigmoid()
    print("pixel mean of samples / data:", round(sample.mean().item(), 3), round(test.mean().item(), 3))


if __name__ == "__main__":
    main()
