"""Training scripts that know nothing of a search."""

PLAIN = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 4)
y = x @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]])
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=float(sys.argv[1]) if len(sys.argv) > 1 else 0.001)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.1)
data = torch.utils.data.TensorDataset(x, y)
open("log.txt", "w").write("begun")
for epoch in range(100):
    for a, b in torch.utils.data.DataLoader(data, 32, shuffle=True):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
    schedule.step()
torch.save(model.state_dict(), "best.pt")
"""

ACCUMULATED = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
while True:
    for k in range(4):
        (nn.functional.mse_loss(model(x[16 * k: 16 * k + 16]), y[16 * k: 16 * k + 16]) / 4).backward()
    optimizer.step()
    optimizer.zero_grad()
"""

SCALED = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** 127)
for k in range(1000):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
"""

WORKERS = PLAIN.replace("shuffle=True", "shuffle=True, num_workers=1")

TWO = """
import torch
from torch import nn

torch.manual_seed(0)
first, second = nn.Linear(3, 1), nn.Linear(3, 1)
one = torch.optim.SGD(first.parameters(), lr=0.01)
other = torch.optim.Adam(second.parameters(), lr=0.01)
x = torch.randn(32, 3)
while True:
    one.zero_grad()
    (first(x) - x.sum(1, keepdim=True)).square().mean().backward()
    one.step()
    other.zero_grad()
    (100.0 + second(x).square().mean()).backward()
    other.step()
"""

SHORT = PLAIN.replace("range(100)", "range(1)")
CLOSURE = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(32, 3)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
while True:
    def closure():
        optimizer.zero_grad()
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()
        return loss
    optimizer.step(closure)
"""
