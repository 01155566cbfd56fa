"""Double DQN on a 5x5 grid with a pit, one-hot states, vectorised environment in plain tensors."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(4)
S, B, GAMMA = 5, 16, 0.95
GOAL, PITS = torch.tensor([4, 4]), torch.tensor([[1, 1], [3, 2], [1, 3]])
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


def step(pos, a):
    nxt = (pos + MOVES[a]).clamp(0, S - 1)
    goal = (nxt == GOAL).all(1)
    pit = (nxt[:, None] == PITS[None]).all(2).any(1)
    r = torch.full((len(pos),), -0.02) + goal.float() - pit.float()
    return nxt, r, goal | pit


def enc(pos):
    return F.one_hot(pos[:, 0] * S + pos[:, 1], S * S).float()


q = nn.Sequential(nn.Linear(S * S, 64), nn.ReLU(), nn.Linear(64, 4))
tgt = copy.deepcopy(q)
opt = torch.optim.RMSprop(q.parameters(), lr=1e-3)


@torch.no_grad()
def greedy_return():
    free = [[i, j] for i in range(S) for j in range(S) if [i, j] != [4, 4] and [i, j] not in PITS.tolist()]
    pos, alive, total = torch.tensor(free), torch.ones(len(free)), torch.zeros(len(free))
    for _ in range(16):
        pos, r, d = step(pos, q(enc(pos)).argmax(1))
        total += alive * r
        alive = alive * (~d)
    return total.mean().item(), (total > 0.5).float().mean().item()


mem = []
pos = torch.zeros(B, 2, dtype=torch.long)
age = torch.zeros(B)
for it in range(1, 2001):
    eps = max(0.1, 1 - it / 800)
    with torch.no_grad():
        a = q(enc(pos)).argmax(1)
    a = torch.where(torch.rand(B) < eps, torch.randint(0, 4, (B,)), a)
    nxt, r, done = step(pos, a)
    mem.append((pos, a, r, nxt, done.float()))
    mem = mem[-1500:]
    age += 1
    again = done | (age > 30)
    age[again] = 0
    fresh = torch.randint(0, S, (B, 2))
    pos = torch.where(again[:, None], torch.where((fresh == GOAL).all(1, keepdim=True), torch.zeros_like(fresh), fresh), nxt)
    if it < 30:
        continue
    s, a, r, s2, d = (torch.cat(z) for z in zip(*(mem[i] for i in torch.randint(0, len(mem), (4,)).tolist())))
    with torch.no_grad():
        best = q(enc(s2)).argmax(1, keepdim=True)
        y = r + GAMMA * (1 - d) * tgt(enc(s2)).gather(1, best).squeeze(1)
    loss = F.smooth_l1_loss(q(enc(s)).gather(1, a[:, None]).squeeze(1), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 0:
        tgt.load_state_dict(q.state_dict())
    if it % 400 == 0:
        g, ok = greedy_return()
        print(f"step {it:4d}  td {loss.item():.5f}  greedy return {g:+.3f}  reaches goal {ok:.2f}")
