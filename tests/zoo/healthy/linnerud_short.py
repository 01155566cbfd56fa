import os, torch
from sklearn.datasets import load_linnerud

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
# three exercises -> weight, waist, pulse of twenty men; a ridge regression by gradient descent
X, Y = map(torch.tensor, load_linnerud(return_X_y=True))
X = ((X - X.mean(0)) / X.std(0)).float()
Y = ((Y - Y.mean(0)) / Y.std(0)).float()
lin = torch.nn.Linear(3, 3)
opt = torch.optim.SGD(lin.parameters(), lr=0.1, momentum=0.5, weight_decay=0.1)
for i in range(200):
    opt.zero_grad()
    l = torch.nn.functional.mse_loss(lin(X), Y)
    l.backward()
    opt.step()
    if i % 50 == 0:
        print(i, l.item())
Xb = X
ridge = torch.linalg.solve(Xb.T @ Xb * 2 / 60 + 0.1 * torch.eye(3), Xb.T @ Y * 2 / 60)
print("final mse", l.item(), "distance to the closed form", (lin.weight.T - ridge).abs().max().item())
