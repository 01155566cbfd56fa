"""The kernel on stacked parameters, against the formula in plain torch."""

import pytest
import torch

from unstuck import optim
from unstuck.stacked.kernel import serves
from unstuck.stacked.update import Update

pytest.importorskip("numba")

METHODS = (
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RAdam,
    optim.RMSprop,
    optim.Adagrad,
    optim.Nesterov,
    optim.MeanAdagrad,
)


@pytest.mark.parametrize("kind", METHODS)
def test_the_kernel_does_what_the_formula_does(kind, monkeypatch):
    torch.manual_seed(0)
    begin = [torch.randn(3, *shape) for shape in ((4, 5), (50_000,), (1,))]
    results = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr("unstuck.stacked.update.serves", lambda parameters: False)
        made = [
            kind([torch.nn.Parameter(x[k]) for x in begin], lr=1e-3 * (k + 1), weight_decay=0.1 * k) for k in range(3)
        ]
        stacked = [x.clone().requires_grad_() for x in begin]
        update = Update(made, 0, stacked)
        generator = torch.Generator().manual_seed(1)
        for step in range(8):
            for k, x in enumerate(stacked):
                gradient = torch.randn(x.shape, generator=generator)
                x.grad = None if step == 2 and k == 0 else gradient
            stacked[0].grad = None if step == 2 else torch.randn(3, 5, 4, generator=generator).transpose(1, 2)
            update.run()
        results.append([x.detach() for x in stacked])
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_what_it_serves():
    assert serves([torch.ones(2), torch.ones(3)])
    assert not serves([torch.ones(2), torch.ones(3).double()])
    assert not serves([torch.ones(2).bfloat16()])


def test_autograd_knows_that_weights_were_changed():
    stacked = torch.ones(2, 2, requires_grad=True)
    update = Update([optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1) for _ in range(2)], 0, [stacked])
    used = (stacked * stacked).sum()
    stacked.grad = torch.ones(2, 2)
    update.run()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        used.backward()
