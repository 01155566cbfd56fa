# Self-supervised pre-training (rotation prediction) and then a linear probe on few labels
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.manual_seed(1)
d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(d.target)
p = torch.randperm(len(X))
X, y = X[p], y[p]
Xtr, ytr, Xte, yte = X[:1300], y[:1300], X[1300:], y[1300:]

encoder = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
    nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
)
rot_head = nn.Linear(32 * 16, 4)
opt = torch.optim.Adam(list(encoder.parameters()) + list(rot_head.parameters()), lr=2e-3)
for epoch in range(8):
    tot = hit = 0
    for b in torch.randperm(1300).split(65):
        k = torch.randint(0, 4, (len(b),))
        xb = torch.stack([torch.rot90(X_, int(r), (1, 2)) for X_, r in zip(Xtr[b], k)])
        out = rot_head(encoder(xb))
        loss = F.cross_entropy(out, k)
        opt.zero_grad(); loss.backward(); opt.step()
        tot += loss.item() * len(b); hit += (out.argmax(1) == k).sum().item()
    print(f"rotation epoch {epoch + 1}: loss {tot / 1300:.3f} acc {hit / 1300:.3f}")

# --- probe -------------------------------------------------------------
encoder.eval()
for w in encoder.parameters():
    w.requires_grad_(False)
probe = nn.Linear(32 * 16, 10)
opt = torch.optim.Adam(filter(lambda w: w.requires_grad, [*encoder.parameters(), *probe.parameters()]), lr=5e-3)
few = torch.arange(300)
for epoch in range(60):
    for b in few[torch.randperm(300)].split(50):
        with torch.no_grad():
            z = encoder(Xtr[b])
        loss = F.cross_entropy(probe(z), ytr[b])
        opt.zero_grad(); loss.backward(); opt.step()
    if epoch % 15 == 14:
        acc = (probe(encoder(Xte)).argmax(1) == yte).float().mean().item()
        print(f"probe epoch {epoch + 1}: loss {loss.item():.4f} test acc {acc:.3f}")
ref = LogisticRegression(max_iter=1000).fit(Xtr[:300].flatten(1).numpy(), ytr[:300].numpy())
print("logistic regression on 300 raw images:", round(ref.score(Xte.flatten(1).numpy(), yte.numpy()), 3))
