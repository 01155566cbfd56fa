import os
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
# complete a 60 x 50 matrix of rank 3 from 40 % of its entries; the optimum is exact
A = torch.randn(60, 3) @ torch.randn(3, 50)
seen = torch.rand(60, 50) < 0.4
L = (0.1 * torch.randn(60, 3)).requires_grad_()
R = (0.1 * torch.randn(3, 50)).requires_grad_()
opt = torch.optim.SGD([L, R], lr=2e-3, momentum=0.9)
for it in range(1500):
    opt.zero_grad()
    err = ((L @ R - A)[seen] ** 2).sum()
    err.backward()
    opt.step()
    if it % 250 == 0:
        print(it, "sum of squared errors", err.item())
print("unseen entries, relative error", (((L @ R - A)[~seen]).norm() / A[~seen].norm()).item())
