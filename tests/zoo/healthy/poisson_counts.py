import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

# hourly rental counts made up from hour, weekday and temperature
N = 3000
hour = torch.randint(0, 24, (N,)).float()
weekend = (torch.rand(N) < 2 / 7).float()
temp = torch.randn(N)
rate = torch.exp(
    1.5
    + 0.8 * torch.sin((hour - 8) / 24 * 6.2832)
    + 0.3 * weekend * torch.cos(hour / 24 * 6.2832)
    + 0.35 * temp
    - 0.1 * temp**2
)
counts = torch.poisson(rate)
feats = torch.stack([torch.sin(hour / 24 * 6.2832), torch.cos(hour / 24 * 6.2832), weekend - 2 / 7, temp], dim=1)

net = nn.Sequential(nn.Linear(4, 24), nn.Softplus(), nn.Linear(24, 1))
nn.init.constant_(net[-1].bias, counts[:2400].mean().log().item())
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
loss_fn = nn.PoissonNLLLoss(log_input=True, full=False)

for epoch in range(20):
    if epoch == 14:
        opt.param_groups[0]["lr"] = 2e-3
    order = torch.randperm(2400)
    acc = 0.0
    for k in range(0, 2400, 48):
        b = order[k : k + 48]
        opt.zero_grad()
        out = net(feats[b]).squeeze(1)
        l = loss_fn(out, counts[b])
        l.backward()
        opt.step()
        acc += l.item() / 50
    if epoch % 4 == 3:
        with torch.no_grad():
            val = loss_fn(net(feats[2400:]).squeeze(1), counts[2400:]).item()
        print("epoch", epoch, "nll", round(acc, 4), "val nll", round(val, 4))
with torch.no_grad():
    print("nll of the true rate on the same rows", loss_fn(rate[2400:].log(), counts[2400:]).item())
    print(
        "correlation with true rate",
        torch.corrcoef(torch.stack([net(feats[2400:]).squeeze(1).exp(), rate[2400:]]))[0, 1].item(),
    )
