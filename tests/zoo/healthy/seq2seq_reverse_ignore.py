import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
PAD, BOS, EOS, V = 0, 1, 2, 13


def batch(n):
    L = torch.randint(3, 8, (n,))
    src = torch.zeros(n, 8).long()
    tgt = torch.zeros(n, 10).long()
    for i, l in enumerate(L.tolist()):
        w = torch.randint(3, V, (l,))
        src[i, :l] = w
        tgt[i, 0] = BOS
        tgt[i, 1 : l + 1] = w.flip(0)
        tgt[i, l + 1] = EOS
    return src, tgt


class S2S(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.emb = nn.Embedding(V, d, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(10, d) * 0.1)
        self.t = nn.Transformer(d, 4, 2, 2, 128, dropout=0.0, batch_first=True)
        self.out = nn.Linear(d, V)

    def forward(self, s, t):
        mask = nn.Transformer.generate_square_subsequent_mask(t.size(1)).isinf()
        h = self.t(
            self.emb(s) + self.pos[:8],
            self.emb(t) + self.pos[: t.size(1)],
            tgt_mask=mask,
            src_key_padding_mask=s == PAD,
            memory_key_padding_mask=s == PAD,
        )
        return self.out(h)


m = S2S()
opt = torch.optim.Adam(m.parameters(), 1e-3)
crit = nn.CrossEntropyLoss(ignore_index=PAD)
for step in range(500):
    s, t = batch(64)
    logits = m(s, t[:, :-1])
    loss = crit(logits.reshape(-1, V), t[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    opt.step()
    if step % 100 == 99:
        keep = t[:, 1:] != PAD
        print(step, loss.item(), (logits.argmax(-1)[keep] == t[:, 1:][keep]).float().mean().item())
