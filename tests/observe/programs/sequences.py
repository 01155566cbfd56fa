"""Models of sequences of ids: attention and recurrences in every spelling, and graphs that refuse an extra pass."""

from __future__ import annotations

import warnings
from functools import partial
from itertools import pairwise

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

    q = _heads(x.detach())  # on the CPU it has no backward pass
    return flex_attention(q, q, q).transpose(1, 2).flatten(2)


def _flexible_in_blocks(x):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, x.shape[1], x.shape[1], device="cpu")
    by_distance = partial(flex_attention, score_mod=lambda score, b, h, q, k: score - (q - k), block_mask=mask)
    q = _heads(x.detach())
    return by_distance(q, q, q).transpose(1, 2).flatten(2)


def _compiled(x):
    return torch.compile(_fused, backend="eager")(x)


def _compiled_ahead(x):
    return torch.compile(_by_hand, backend="aot_eager")(x)


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
    _flexible_in_blocks,
    _compiled,
    _compiled_ahead,
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
            x = torch.nested.as_nested_tensor([self.embedding(one) for one in ids], layout=torch.jagged)
            heads = x.unflatten(-1, (2, WIDTH // 2)).transpose(1, 2)
            mixed = F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2)
            return self.head(torch.stack([one.mean(dim=0) for one in mixed.unbind()]))

    batches = ([torch.randint(TOKENS, (n,)) for n in (3, 5, 2)] for _ in range(3))
    return _train(Nested(), batches, lambda model, ids: F.cross_entropy(model(ids), torch.arange(3)))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def compiled_whole(backend):
    torch._dynamo.reset()
    model = _Model(_fused)
    compiled = torch.compile(model, backend=backend)
    batches = (torch.randint(TOKENS, (5, LENGTH)) for _ in range(4))
    return _train(model, batches, lambda _, ids: _next(compiled, ids))


@pytest.mark.slow
def compiled_to_machine_code():
    torch._dynamo.reset()
    model = _Model(_fused)
    model.compile()
    return _train(model, (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), _next)


def graph_retained():
    def loss(model, ids):
        value = _next(model, ids)
        value.backward(retain_graph=True)
        return value

    return _train(_Model(_fused), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(4)), loss)


def batches_of_an_iterator():
    class Fed(_Model):
        def forward(self, batches):
            return super().forward(next(batches))

    ids = [torch.randint(TOKENS, (5, LENGTH)) for _ in range(4)]
    batches = iter([one[:, :-1] for one in ids])

    def loss(model, batch):
        return F.cross_entropy(model(batches).flatten(0, 1), batch[:, 1:].flatten())

    return _train(Fed(_fused), ids, loss), list(batches)


@pytest.mark.parametrize("sizes", [(0, LENGTH), (5, 0), (5, 1)])
@pytest.mark.parametrize("look", [_fused, _by_hand])
def hardly_a_sequence(sizes, look):
    def loss(model, ids):
        return F.cross_entropy(model(ids).flatten(0, 1), ids.flatten(), reduction="sum")

    return _train(_Model(look), (torch.randint(TOKENS, sizes) for _ in range(4)), loss)


@pytest.mark.parametrize("heads", [1, WIDTH])
@pytest.mark.parametrize("length", [1, LENGTH])
def heads_of_all_sizes(heads, length):
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(WIDTH, heads, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=True)[0]

    model = _Model(_fused)
    model.look = Attending()
    return _train(model, (torch.randint(TOKENS, (1, length + 1)) for _ in range(4)), _next)


def _additive(mask, dtype):
    return torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, float("-inf"))


@pytest.mark.parametrize("axes", [2, 3, 4])
@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64]
)
def masks_of_fused_attention(axes, dtype):
    def look(x):
        mask = torch.ones(LENGTH - 1, LENGTH - 1).tril().bool()
        mask = mask if dtype is torch.bool else mask.to(dtype) if dtype is torch.int64 else _additive(mask, dtype)
        mask = mask[(None,) * (axes - 2)]
        q = _heads(x)
        return F.scaled_dot_product_attention(q, q, q, attn_mask=mask).transpose(1, 2).flatten(2)

    return _train(_Model(look), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), _next)


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.float64, torch.uint8, torch.int64])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("by_head", [False, True])
def masks_of_multi_head_attention(dtype, padded, by_head):
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

        def forward(self, x):
            length = x.shape[1]
            mask = torch.ones(length, length).triu(1).to(dtype)
            mask = mask.expand(2 * len(x), -1, -1) if by_head else mask
            padding = torch.zeros(x.shape[:2], dtype=torch.bool) if padded else None
            return self.attention(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False)[0]

    model = _Model(_fused)
    model.look = Attending()
    return _train(model, (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), _next)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32, torch.bfloat16])
def masks_by_hand(dtype):
    def look(x):
        mask = torch.ones(x.shape[1], x.shape[1]).tril().to(dtype)
        scores = x @ x.mT
        scores = scores.masked_fill(~mask, -1e9) if dtype is torch.bool else scores + (1 - mask) * -10_000
        return scores.softmax(-1).to(x.dtype) @ x

    return _train(_Model(look), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), _next)


def everything_masked():
    def look(x):
        mask = torch.zeros(x.shape[1], x.shape[1], dtype=torch.bool)
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)

    return _train(_Model(look), (torch.randint(TOKENS, (5, LENGTH)) for _ in range(3)), _next)


ENDS = [0, 3, 3, 4, 9]
"""Where sequences begin that lie behind each other in one row, one of them empty."""


def _in_a_row():
    ids = torch.randint(TOKENS, (1, ENDS[-1]))
    positions = torch.cat([torch.arange(end - start) for start, end in pairwise(ENDS)])
    document = torch.cat([torch.full((end - start,), n) for n, (start, end) in enumerate(pairwise(ENDS))])
    return ids, positions, document


def _one_by_one(x, document):
    return torch.cat([_fused(x[:, start:end]) for start, end in pairwise(ENDS)], dim=1)


def _by_document(x, document):
    mask = (document[:, None] == document) & torch.ones(len(document), len(document)).tril().bool()
    q = _heads(x)
    return F.scaled_dot_product_attention(q, q, q, attn_mask=mask).transpose(1, 2).flatten(2)


def _flexible_by_document(x, document):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def same(b, h, q, k):
        return (document[q] == document[k]) & (q >= k)

    mask = create_block_mask(same, None, None, len(document), len(document), device="cpu")
    q = _heads(x.detach())
    return flex_attention(q, q, q, block_mask=mask).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("look", [_one_by_one, _by_document, _flexible_by_document])
def sequences_in_a_row(look):
    class Row(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(TOKENS, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.head = nn.Linear(WIDTH, TOKENS)

        def forward(self, ids, positions, document):
            hidden = self.tokens(ids) + self.positions(positions)
            return self.head(hidden + look(hidden, document))

    def loss(model, batch):
        ids, _, document = batch
        targets = ids.roll(-1).masked_fill(document != document.roll(-1), -100)
        return F.cross_entropy(model(*batch)[0], targets[0])

    return _train(Row(), (_in_a_row() for _ in range(4)), loss)


def nested_throughout():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(TOKENS, WIDTH), nn.Linear(WIDTH, TOKENS)

        def forward(self, ids):
            return self.head(self.embedding(ids).relu())

    def loss(model, ids):
        batch = torch.nested.nested_tensor(ids, layout=torch.jagged)
        return F.cross_entropy(model(batch).values(), batch.values())

    return _train(Nested(), ([torch.randint(TOKENS, (n,)) for n in (3, 5, 2)] for _ in range(3)), loss)


def nested_without_a_layout():
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2))

    def loss(model, sequences):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that such tensors are a prototype
            batch = torch.nested.nested_tensor(sequences, layout=torch.strided)
            return torch.nested.to_padded_tensor(model(batch), 0.0).square().mean()

    return _train(model, ([torch.randn(n, WIDTH) for n in (3, 5, 2)] for _ in range(3)), loss)


def evaluated_as_nested():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True)
            self.embedding = nn.Embedding(TOKENS, WIDTH, padding_idx=0)
            self.layers, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(WIDTH, 3)

        def forward(self, ids):
            return self.head(self.layers(self.embedding(ids), src_key_padding_mask=ids == 0)[:, 0])

    def loss(model, ids):
        model.eval()
        with torch.no_grad():
            model(ids)
        return F.cross_entropy(model.train()(ids), ids[:, 0] % 3)

    return _train(Masked(), (_padded()[0] for _ in range(4)), loss)
