"""Two optimizers on one model: sparse embeddings by SGD, dense tower by Adam; same-or-different pairs of tokens sets."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
V, TOPICS = 200, 8
topic_of = torch.randint(0, TOPICS, (V,))
by_topic = [torch.nonzero(topic_of == k).flatten() for k in range(TOPICS)]


def draw(n):
    ta = torch.randint(0, TOPICS, (n,))
    same = torch.rand(n) < 0.5
    tb = torch.where(same, ta, (ta + torch.randint(1, TOPICS, (n,))) % TOPICS)

    def doc(t):
        words = torch.stack([by_topic[k][torch.randint(len(by_topic[k]), (8,))] for k in t.tolist()])
        junk = torch.rand(n, 8) < 0.3
        return torch.where(junk, torch.randint(0, V, (n, 8)), words)

    return doc(ta), doc(tb), (ta == tb).float()


class Siamese(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.bag = nn.EmbeddingBag(V, d, mode="mean")
        self.tower = nn.Sequential(nn.Linear(d, 24), nn.ReLU(), nn.Linear(24, 12))
        self.scale = nn.Parameter(torch.tensor(0.4))
        self.shift = nn.Parameter(torch.tensor(0.0))

    def forward(self, a, b):
        u, v = self.tower(self.bag(a)), self.tower(self.bag(b))
        return self.scale * nn.functional.cosine_similarity(u, v) * 5 + self.shift


net = Siamese()
emb_opt = torch.optim.Adagrad(net.bag.parameters(), lr=0.2)
dense_opt = torch.optim.Adam([p for n, p in net.named_parameters() if not n.startswith("bag")], lr=3e-3)
scheds = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.05, 700) for o in (emb_opt, dense_opt)]
avg = 0.0
for i in range(1, 701):
    a, b, t = draw(64)
    loss = nn.functional.binary_cross_entropy_with_logits(net(a, b), t)
    emb_opt.zero_grad()
    dense_opt.zero_grad()
    loss.backward()
    emb_opt.step()
    dense_opt.step()
    for s in scheds:
        s.step()
    avg += loss.item() / 100
    if i % 100 == 0:
        print("step %d loss %.4f" % (i, avg))
        avg = 0.0
with torch.no_grad():
    a, b, t = draw(1500)
    print("pair accuracy", ((net(a, b) > 0) == t.bool()).float().mean().item())
