"""Models of sequences of ids: attention and recurrences in every spelling, and graphs that refuse an extra pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

LENGTH, TOKENS, WIDTH = 6, 9, 8


class _Once(torch.autograd.Function):
    """A function whose state is gone after its first backward pass."""

    @staticmethod
    def forward(ctx, x):
        ctx.kept = [x.detach().exp()]
        return ctx.kept[0].clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.kept.pop()


class _Differentiated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0].cos()


def _heads(x):
    return x.view(*x.shape[:2], 2, WIDTH // 2).transpose(1, 2)


def _fused(x):
    return F.scaled_dot_product_attention(_heads(x), _heads(x), _heads(x), is_causal=True).transpose(1, 2).flatten(2)


def _masked(x):
    mask = torch.ones(x.shape[1], x.shape[1]).tril().bool()
    return F.scaled_dot_product_attention(x, x, x, attn_mask=mask, dropout_p=0.1)


def _by_hand(x):
    scores = x @ x.transpose(1, 2) / 3
    weights = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), float("-inf")).softmax(-1)
    return F.dropout(weights, 0.2) @ x


def _flexible(x):
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention(_heads(x), _heads(x), _heads(x)).transpose(1, 2).flatten(2)


def _compiled(x):
    return torch.compile(_fused, backend="eager")(x)


def _recomputed(x):
    return checkpoint(_by_hand, x, use_reentrant=False)


def _recomputed_within(x):
    return checkpoint(_by_hand, x, use_reentrant=True)


def _gone_at_once(x):
    return _Once.apply(_fused(x))


def _once_differentiable(x):
    return _Differentiated.apply(_fused(x))


def _in_place(x):
    return _fused(x).mul_(2).add_(1)


def _hooked(x):
    y = _fused(x)
    y.register_hook(lambda gradient: gradient * 0.5)
    return y


def _raising_when_seen_twice(x):
    y, seen = _fused(x), []

    def once(gradient):
        if seen:
            raise RuntimeError("a second backward pass")
        seen.append(1)
        return gradient

    y.register_hook(once)
    return y


class _Model(nn.Module):
    def __init__(self, look, tokens=TOKENS):
        super().__init__()
        self.embedding, self.head, self.look = nn.Embedding(tokens, WIDTH), nn.Linear(WIDTH, tokens), look

    def forward(self, ids):
        hidden = self.embedding(ids)
        return self.head(hidden + self.look(hidden))


def _train(model, batches, loss):
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=0.1), []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        seen.append((value.detach(), [parameter.grad for parameter in model.parameters()]))
        optimizer.step()
    return seen, model


def _next(model, ids):
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


ALL = [
    _fused,
    _masked,
    _by_hand,
    _flexible,
    _compiled,
    _recomputed,
    _recomputed_within,
    _gone_at_once,
    _once_differentiable,
]


@pytest.mark.parametrize("look", [*ALL, _in_place, _hooked, _raising_when_seen_twice])
def next_tokens(look):
    return _train(_Model(look), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(4)), _next)


@pytest.mark.parametrize("sizes", [(1, LENGTH, TOKENS), (5, 2, TOKENS), (5, LENGTH, 1), (1, 2, 1)])
def small_ones(sizes):
    examples, length, tokens = sizes
    model = _Model(_fused, tokens)
    return _train(model, (torch.randint(tokens, (examples, length)) for _ in range(3)), _next)


def everything_ignored():
    def loss(model, ids):
        return F.cross_entropy(model(ids).flatten(0, 1), torch.full((ids.numel(),), -100), reduction="sum")

    return _train(_Model(_fused), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), loss)


def _padded():
    ids = torch.randint(1, TOKENS, (6, LENGTH))
    lengths = torch.tensor([6, 2, 4, 3, 5, 1])
    return ids.masked_fill(torch.arange(LENGTH) >= lengths[:, None], 0), lengths


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def packed(kind):
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.cell = nn.Embedding(TOKENS, WIDTH), kind(WIDTH, WIDTH, batch_first=True)
            self.head = nn.Linear(WIDTH, TOKENS)

        def forward(self, batch):
            ids, lengths = batch
            sequences = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
            return self.head(pad_packed_sequence(self.cell(sequences)[0], batch_first=True)[0])

    def loss(model, batch):
        return F.cross_entropy(model(batch).flatten(0, 1), batch[0].flatten(), ignore_index=0)

    return _train(Packed(), (_padded() for _ in range(4)), loss)


def padding_masked():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(TOKENS, WIDTH, padding_idx=0)
            self.layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True)
            self.head = nn.Linear(WIDTH, 3)

        def forward(self, ids):
            hidden = self.layer(self.embedding(ids), src_key_padding_mask=ids == 0)
            return self.head(hidden.mean(dim=1))

    return _train(Masked(), (_padded()[0] for _ in range(4)), lambda m, ids: F.cross_entropy(m(ids), ids[:, 0] % 3))


def nested():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(TOKENS, WIDTH), nn.Linear(WIDTH, 3)

        def forward(self, ids):
            x = torch.nested.as_nested_tensor([self.embedding(one) for one in ids], layout=torch.jagged).unsqueeze(1)
            mixed = F.scaled_dot_product_attention(x, x, x).squeeze(1)
            return self.head(torch.stack([one.mean(dim=0) for one in mixed.unbind()]))

    batches = ([torch.randint(TOKENS, (n,)) for n in (3, 5, 2)] for _ in range(3))
    return _train(Nested(), batches, lambda model, ids: F.cross_entropy(model(ids), torch.arange(3)))
