from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint

from unstuck.observe.autograd.extra_pass import HOOKING, reruns, runs_program_code


def test_a_checkpoint_runs_code_of_the_program_and_an_ordinary_graph_none() -> None:
    layer = torch.nn.Linear(2, 2)
    x = torch.ones(1, 2, requires_grad=True)
    assert not runs_program_code(layer(x).tanh().sum())
    for reentrant in (False, True):
        output = checkpoint(lambda y: layer(y).tanh(), x, use_reentrant=reentrant)
        assert reruns(output.grad_fn)
        assert runs_program_code(output.sum())


def test_hooks_on_tensors_and_kept_gradients_are_calls_that_can_be_watched() -> None:
    assert {torch.Tensor.register_hook, torch.Tensor.retain_grad} < HOOKING
