# Char-RNN with truncated back-propagation through time, state carried over between chunks
import random
import torch
import torch.nn as nn

random.seed(8)
torch.manual_seed(8)
lines = []
for _ in range(3000):
    a, b = random.randint(0, 9), random.randint(0, 9)
    lines.append(f"{a}+{b}={a + b};")
corpus = "".join(lines)
alphabet = sorted(set(corpus))
ids = torch.tensor([alphabet.index(c) for c in corpus])

STREAMS, CHUNK = 32, 30
usable = (len(ids) - 1) // STREAMS * STREAMS
inputs = ids[:usable].view(STREAMS, -1)
targets = ids[1:usable + 1].view(STREAMS, -1)


class CharLSTM(nn.Module):
    def __init__(self, v, h=96):
        super().__init__()
        self.emb = nn.Embedding(v, 24)
        self.lstm = nn.LSTM(24, h, batch_first=True)
        self.fc = nn.Linear(h, v)

    def forward(self, x, state):
        o, state = self.lstm(self.emb(x), state)
        return self.fc(o), state


net = CharLSTM(len(alphabet))
opt = torch.optim.Adam(net.parameters(), lr=6e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(1, 23):
    state, total, n = None, 0.0, 0
    for s in range(0, inputs.size(1) - CHUNK, CHUNK):
        xb, yb = inputs[:, s:s + CHUNK], targets[:, s:s + CHUNK]
        if state is not None:
            state = tuple(h.detach() for h in state)
        logits, state = net(xb, state)
        loss = ce(logits.transpose(1, 2), yb)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        total, n = total + loss.item(), n + 1
    if epoch == 16:
        for g in opt.param_groups:
            g["lr"] = 1e-3
    if epoch % 3 == 1:
        print(f"epoch {epoch:2d}  {total / n:.4f} nats/char")


def answer(q):
    x = torch.tensor([[alphabet.index(c) for c in ";" + q]])
    out = ""
    with torch.no_grad():
        logits, st = net(x, None)
        while len(out) < 3:
            c = logits[0, -1].argmax().item()
            if alphabet[c] == ";":
                break
            out += alphabet[c]
            logits, st = net(torch.tensor([[c]]), st)
    return out


right = sum(answer(f"{a}+{b}=") == str(a + b) for a in range(10) for b in range(10))
print("sums answered correctly:", right, "of 100; entropy of the two random digits alone: %.3f nats/char"
      % (2 * 2.302585 * 3000 / len(corpus)))
