import os
import torch
from sklearn.datasets import load_breast_cancer

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
net = torch.nn.Sequential(torch.nn.Linear(30, 5, bias=False), torch.nn.Linear(5, 30, bias=False))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(60):
    for b in x[torch.randperm(len(x))].split(32):
        opt.zero_grad()
        loss = ((net(b) - b) ** 2).mean()
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        print(epoch, ((net(x) - x) ** 2).mean().item())
s = torch.linalg.svdvals(x)
print("PCA with 5 components:", (s[5:] ** 2).sum().item() / x.numel())
