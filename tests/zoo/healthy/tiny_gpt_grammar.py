"""Course project: a GPT with two blocks that learns toy English, character by character."""
import math, random
import torch, torch.nn as nn, torch.nn.functional as F

random.seed(1); torch.manual_seed(1)
nouns = ["cat", "dog", "bird", "teacher", "student"]
verbs = ["sees", "likes", "hears", "draws"]

def sentence():
    return f"the {random.choice(nouns)} {random.choice(verbs)} a {random.choice(nouns)}. "

text = "".join(sentence() for _ in range(4000))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
train, val = data[:n], data[n:]
V, T, C, H = len(chars), 32, 64, 4

def get_batch(split, bs=16):
    ix = torch.randint(len(split) - T - 1, (bs,))
    return (torch.stack([split[i:i + T] for i in ix]),
            torch.stack([split[i + 1:i + T + 1] for i in ix]))

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))

    def forward(self, x):
        B, t, _ = x.shape
        q, k, v = (z.view(B, t, H, C // H).transpose(1, 2) for z in self.qkv(self.ln1(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, t, C))
        return x + self.mlp(self.ln2(x))

class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.Sequential(Block(), Block())
        self.ln, self.head = nn.LayerNorm(C), nn.Linear(C, V, bias=False)
        nn.init.normal_(self.tok.weight, std=0.05)
        nn.init.normal_(self.pos.weight, std=0.05)
        self.head.weight = self.tok.weight            # weight tying

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.size(1)))
        return self.head(self.ln(self.blocks(x)))

model = GPT()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
steps, warm = 401, 40
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + math.cos(math.pi * (s - warm) / (steps - warm))))
for step in range(steps):
    xb, yb = get_batch(train)
    loss = F.cross_entropy(model(xb).flatten(0, 1), yb.flatten())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step(); sched.step()
    if step % 100 == 0 or step == steps - 1:
        with torch.no_grad():
            xv, yv = get_batch(val, 48)
            vl = F.cross_entropy(model(xv).flatten(0, 1), yv.flatten())
        print(f"step {step:4d} train {loss.item():.3f} val {vl.item():.3f}")

ideal = (2 * math.log(len(nouns)) + math.log(len(verbs))) * 4000 / len(text)
print(f"entropy of the grammar: {ideal:.3f} nats per character")
idx = torch.tensor([[stoi["t"]]])
with torch.no_grad():
    for _ in range(90):
        p = model(idx[:, -T:])[:, -1].softmax(-1)
        idx = torch.cat([idx, torch.multinomial(p, 1)], 1)
print("".join(chars[i] for i in idx[0]))
