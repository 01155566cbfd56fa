"""Digits under bfloat16 autocast."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).sub_(4.9).div_(6.0)
y = torch.tensor(y)
i = torch.randperm(len(x))
tr, te = i[:1350], i[1350:]

model = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Dropout(0.25), nn.Linear(80, 40), nn.ReLU(), nn.Linear(40, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
loss_fn = nn.CrossEntropyLoss()
steps = 20 * 27
sched = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=steps, power=1.0)

for epoch in range(20):
    model.train()
    for b in tr[torch.randperm(1350)].split(50):
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_fn(model(x[b]), y[b])
        loss.backward()
        opt.step()
        sched.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x[te]).float()
        print(
            epoch + 1,
            "train batch",
            round(loss.item(), 4),
            "test",
            round(loss_fn(out, y[te]).item(), 4),
            "accuracy",
            round((out.argmax(1) == y[te]).float().mean().item(), 4),
        )
