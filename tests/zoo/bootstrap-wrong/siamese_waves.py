"""Two views of a wave give one direction: a siamese network with a predictor, whose other side is detached."""
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
grid = torch.linspace(0, 6.28, 32)


def waves(n):
    kind = torch.randint(5, (n,))
    return torch.sin((kind[:, None] + 1) * grid + 0.5 * torch.randn(n, 1)), kind


def view(x):
    return x * (0.7 + 0.6 * torch.rand(len(x), 1)) + 0.2 * torch.randn_like(x)


encoder = nn.Sequential(nn.Linear(32, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 32), nn.BatchNorm1d(32))
predictor = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))
opt = torch.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)
for step in range(500):
    x, _ = waves(128)
    a, b = encoder(view(x)), encoder(view(x))
    loss = -(F.cosine_similarity(predictor(a), b.detach(), dim=1).mean() + F.cosine_similarity(predictor(b), a.detach(), dim=1).mean()) / 2
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print(f"step {step + 1} loss {loss.item():.4f}")
encoder.eval()
with torch.no_grad():
    (x, k), (y, j) = waves(500), waves(300)
    near = (F.normalize(encoder(y), dim=1) @ F.normalize(encoder(x), dim=1).T).topk(5).indices
print(f"knn {(k[near].mode(1).values == j).float().mean().item():.3f}")
