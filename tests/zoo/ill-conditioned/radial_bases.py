import os
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def target(x):
    return torch.sin(6 * x) + 0.4 * torch.cos(15 * x)


x = torch.rand(400)
y = target(x) + 0.05 * torch.randn(400)
x_test = torch.rand(200)
y_test = target(x_test) + 0.05 * torch.randn(200)

centres = torch.linspace(0, 1, 16)


def basis(x, width=0.12):
    return torch.exp(-((x[:, None] - centres) ** 2) / (2 * width**2))


phi, phi_test = basis(x), basis(x_test)
weights = torch.zeros(16, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
opt = torch.optim.LBFGS([weights, bias], lr=0.5, max_iter=5)


def closure():
    opt.zero_grad()
    loss = ((phi @ weights + bias - y) ** 2).mean()
    loss.backward()
    return loss


for it in range(1, 201):
    loss = opt.step(closure)
    if it % 25 == 0:
        with torch.no_grad():
            print(f"{it} train {loss.item():.5f} test {((phi_test @ weights + bias - y_test) ** 2).mean().item():.5f}")
