"""Every method against torch.optim, and torch.optim's whole protocol."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import unstuck.optim as ours
from unstuck.errors import ArgumentError

COMMON = [{}, {"weight_decay": 0.1}, {"maximize": True}]
CASES = [
    *[("SGD", {"lr": 0.05, **o}) for o in COMMON],
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    *[("Adagrad", {"lr": 0.05, **o}) for o in COMMON],
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.01, "initial_accumulator_value": 0.5}),
    *[("RMSprop", o) for o in COMMON],
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "alpha": 0.9, "eps": 1e-6}),
    *[("Adam", o) for o in COMMON],
    ("Adam", {"amsgrad": True, "weight_decay": 0.1, "betas": (0.8, 0.95)}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    *[("AdamW", o) for o in COMMON],
    ("AdamW", {"amsgrad": True, "lr": torch.tensor(0.01, dtype=torch.float64)}),
    *[("RAdam", o) for o in COMMON],
    ("RAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1, "betas": (0.7, 0.9)}),
]
KEEPS_STATE = [case for case in CASES if case[0] != "SGD" or "momentum" in case[1]]


def named(case):
    return f"{case[0]}-{'-'.join(case[1])}"


def parameters(dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in [(3, 4), (7,), (), (2, 3, 2)]]


def gradients(params, step):
    """A smooth function of the weights with noise that depends on the step only."""
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for p in params:
            p.grad = torch.sin(p) + 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)


def pair(case, dtype=torch.float64, **own):
    name, options = case
    a, b = parameters(dtype), parameters(dtype)

    def groups(params):
        return [{"params": params[:2]}, {"params": params[2:], "lr": 0.003}]

    return a, getattr(ours, name)(groups(a), **options, **own), b, getattr(torch.optim, name)(groups(b), **options)


def run(params, optimizer, steps):
    for step in steps:
        gradients(params, step)
        optimizer.step()


def distance(a, b):
    return max(float(((x - y).norm() / y.norm()).detach()) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("engine", ["torch", "fused"])
@pytest.mark.parametrize("case", CASES, ids=named)
def test_equal_to_torch_over_300_steps(case, engine):
    a, mine, b, theirs = pair(case, engine=engine)
    run(a, mine, range(300))
    run(b, theirs, range(300))
    assert distance(a, b) < 1e-12


@pytest.mark.parametrize("engine", ["torch", "fused"])
@pytest.mark.parametrize("case", KEEPS_STATE, ids=named)
def test_state_goes_both_ways_in_mid_training(case, engine):
    a, mine, b, theirs = pair(case, engine=engine)
    run(a, mine, range(10))
    run(b, theirs, range(10))
    mine_state, theirs_state = copy.deepcopy(mine.state_dict()), copy.deepcopy(theirs.state_dict())
    assert {k: set(v) for k, v in mine_state["state"].items()} == {k: set(v) for k, v in theirs_state["state"].items()}
    assert set(mine_state["param_groups"][0]) == set(theirs_state["param_groups"][0])
    mine.load_state_dict(theirs_state)
    theirs.load_state_dict(mine_state)
    run(a, mine, range(10, 20))
    run(b, theirs, range(10, 20))
    assert distance(a, b) < 1e-12


@pytest.mark.parametrize("case", [("Adam", {}), ("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adagrad", {})], ids=named)
def test_state_of_torch_feeds_the_compiled_engine(case):
    a, mine, b, theirs = pair(case, torch.float32, engine="numba")
    run(b, theirs, range(5))
    with torch.no_grad():
        for x, y in zip(a, b, strict=True):
            x.copy_(y)
    mine.load_state_dict(copy.deepcopy(theirs.state_dict()))
    run(a, mine, range(5, 25))
    run(b, theirs, range(5, 25))
    assert distance(a, b) < 1e-5
    theirs.load_state_dict(copy.deepcopy(mine.state_dict()))
    run(a, mine, range(25, 30))
    run(b, theirs, range(25, 30))
    assert distance(a, b) < 1e-5


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_a_duplicate_goes_on_as_the_original(engine, duplicate):
    a = parameters(torch.float32)
    optimizer = ours.Adam(a, lr=0.01, engine=engine)
    run(a, optimizer, range(3))
    twin_params, twin = duplicate((a, optimizer))
    run(a, optimizer, range(3, 6))
    run(twin_params, twin, range(3, 6))
    assert all(torch.equal(x, y) for x, y in zip(a, twin_params, strict=True))


def test_hooks_fire_in_torchs_order():
    p = nn.Parameter(torch.ones(2))
    optimizer = ours.SGD([p], lr=0.1)
    seen = []
    handles = [
        register_optimizer_step_pre_hook(lambda *_: seen.append("any before")),
        optimizer.register_step_pre_hook(lambda *_: seen.append("before")),
        optimizer.register_step_post_hook(lambda *_: seen.append("after")),
        register_optimizer_step_post_hook(lambda *_: seen.append("any after")),
    ]
    p.grad = torch.ones(2)
    optimizer.step()
    assert seen == ["any before", "before", "after", "any after"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 4


def test_a_hook_may_replace_the_arguments_as_under_torch():
    p = nn.Parameter(torch.ones(2))
    optimizer = ours.SGD([p], lr=0.1)
    p.grad = torch.ones(2)
    seen = []
    optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: ((args[0], lambda: "from the hook"), kwargs))
    optimizer.register_step_post_hook(lambda optimizer, args, kwargs: seen.append(args[1]()))
    assert optimizer.step() == "from the hook"
    assert seen == ["from the hook"]
    optimizer.register_step_pre_hook(lambda *_: "nonsense")
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_profilers_see_the_step():
    p = nn.Parameter(torch.ones(2))
    optimizer = ours.SGD([p], lr=0.1)
    p.grad = torch.ones(2)
    with torch.profiler.profile() as profile:
        optimizer.step()
    assert any(e.key == "Optimizer.step#SGD.step" for e in profile.key_averages())
    optimizer.register_step_post_hook(lambda *_: None)
    with torch.profiler.profile() as profile:
        optimizer.step()
    assert any(e.key == "Optimizer.step#SGD.step" for e in profile.key_averages())


def test_closure_is_run_with_gradients_on():
    p = nn.Parameter(torch.tensor([3.0]))
    optimizer = ours.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.item() == pytest.approx(2.4)


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
def test_schedulers_set_the_rate(engine):
    a, mine, b, theirs = pair(("SGD", {"lr": 0.1}), torch.float32, engine=engine)
    schedules = [torch.optim.lr_scheduler.StepLR(o, 2, 0.5) for o in (mine, theirs)]
    for step in range(6):
        run(a, mine, [step])
        run(b, theirs, [step])
        for schedule in schedules:
            schedule.step()
    assert mine.param_groups[0]["lr"] == 0.0125
    assert distance(a, b) < 1e-6


@pytest.mark.parametrize("fused", [None, True])
def test_grad_scaler_skips_steps_that_overflow(fused):
    p = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = ours.Adam([p], lr=0.1, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    for loss_factor, moved in [(1.0, True), (float("inf"), False), (1.0, True)]:
        before = p.detach().clone()
        optimizer.zero_grad()
        scaler.scale((p**2).sum() * loss_factor).backward()
        scaler.step(optimizer)
        scaler.update()
        assert torch.equal(before, p.detach()) is not moved
    assert optimizer.state[p]["step"].item() == 2
    assert optimizer.observations().step == 2


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
def test_groups_may_be_added_and_options_changed(engine):
    a, mine, b, theirs = pair(("Adam", {}), torch.float32, engine=engine)
    extra = [nn.Parameter(torch.ones(5)) for _ in range(2)]
    run(a, mine, range(3))
    run(b, theirs, range(3))
    for optimizer, p in ((mine, extra[0]), (theirs, extra[1])):
        optimizer.add_param_group({"params": [p], "lr": 0.1})
        optimizer.param_groups[0]["weight_decay"] = 0.1
        optimizer.param_groups[1]["betas"] = (0.5, 0.9)
    run([*a, extra[0]], mine, range(3, 8))
    run([*b, extra[1]], theirs, range(3, 8))
    assert distance([*a, extra[0]], [*b, extra[1]]) < 1e-5


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # torch.optim.Adagrad itself
def test_sparse_gradients_move_the_rows_they_name():
    for name, options in [("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adagrad", {"lr": 0.1})]:
        weights = []
        for module in (ours, torch.optim):
            torch.manual_seed(0)
            table = nn.Embedding(6, 3, sparse=True)
            optimizer = getattr(module, name)(table.parameters(), **options)
            for k in range(4):
                optimizer.zero_grad()
                table(torch.tensor([k, 1, 1])).square().sum().backward()
                optimizer.step()
            weights.append(table.weight.detach())
        torch.testing.assert_close(*weights)


def test_sparse_gradients_are_refused_where_unsupported():
    table = nn.Embedding(6, 3, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ArgumentError, match=r"parameter 0, of shape \(6, 3\), is sparse.*SparseAdam"):
        ours.Adam(table.parameters()).step()
    with pytest.raises(ArgumentError, match=r"weight_decay.*0\.1"):
        ours.SGD(table.parameters(), weight_decay=0.1).step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "RAdam"])
def test_complex_parameters(name):
    results = []
    for module in (ours, torch.optim):
        p = nn.Parameter(torch.tensor([1 + 2j, -0.5j]))
        optimizer = getattr(module, name)([p], lr=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            (p * p.conj()).real.sum().backward()
            optimizer.step()
        results.append(p.detach())
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    p = nn.Parameter(torch.randn(64).to(dtype))
    reference = nn.Parameter(p.detach().clone())
    mine = ours.AdamW([p], lr=0.01)
    fused = torch.optim.AdamW([reference], lr=0.01, fused=True)
    for _ in range(5):
        p.grad = torch.randn(64).to(dtype)
        reference.grad = p.grad.clone()
        mine.step()
        fused.step()
    torch.testing.assert_close(p, reference)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "RAdam"])
def test_autograd_differentiates_through_a_step(name):
    grads = []
    for module in (ours, torch.optim):
        start = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        w = start.clone()
        optimizer = getattr(module, name)([w], lr=0.1, differentiable=True)
        w.grad = start * 3
        optimizer.step()
        grads.append(torch.autograd.grad((w**2).sum(), start)[0])
    torch.testing.assert_close(*grads, rtol=1e-5, atol=0)  # torch corrects the bias in float32 here


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
def test_weights_changed_behind_autograd_are_noticed(engine):
    p = nn.Parameter(torch.ones(3))
    optimizer = ours.SGD([p], lr=0.1, engine=engine)
    loss = (p * p).sum()
    p.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_compiled_model_trains():
    model = nn.Linear(3, 1)
    compiled = torch.compile(model, backend="eager")
    optimizer = ours.Adam(compiled.parameters(), lr=0.1)
    x, y = torch.randn(32, 3), torch.randn(32, 1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(compiled(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adam", "Adagrad"])
def test_a_compiled_step_is_one_graph(name):
    ends = []
    for compiles in (False, True):
        p = nn.Parameter(torch.linspace(-1, 1, 6, dtype=torch.float64))
        optimizer = getattr(ours, name)([p], lr=0.1)
        torch.compiler.reset()
        step = torch.compile(optimizer.step, backend="eager", fullgraph=True) if compiles else optimizer.step
        for k in range(4):
            p.grad = torch.cos(p.detach() + k)
            step()
        ends.append(p.detach())
    torch.testing.assert_close(*ends, rtol=1e-4, atol=0)  # compiled, the step count is a tensor of float32


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
@pytest.mark.parametrize("beta2", [0.2, 0.5, 0.6, 0.65, 2 / 3, 0.7])  # at 0.6 a factor that is not used is 1 / 0
def test_radam_with_a_memory_too_short_to_rectify(engine, beta2):
    a, mine, b, theirs = pair(("RAdam", {"betas": (0.9, beta2)}), engine=engine)
    run(a, mine, range(20))
    run(b, theirs, range(20))
    assert distance(a, b) < 1e-12


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
def test_the_variance_of_a_constant_gradient_is_not_below_zero(engine):
    p = nn.Parameter(torch.zeros(64))
    optimizer = ours.RMSprop([p], centered=True, alpha=0.9, engine=engine)
    for _ in range(300):
        p.grad = torch.linspace(0.1, 1, 64)
        optimizer.step()
    assert p.isfinite().all()


def test_hooks_may_adapt_a_state_before_it_is_judged():
    a, b = parameters(), parameters()[:2]
    whole = ours.Adam(a)
    run(a, whole, range(3))
    part = ours.Adam(b)

    def keep_two(_, state):
        groups = [{**state["param_groups"][0], "params": [0, 1]}]
        return {"state": {k: state["state"][k] for k in (0, 1)}, "param_groups": groups}

    handle = part.register_load_state_dict_pre_hook(keep_two)
    part.load_state_dict(whole.state_dict())
    assert torch.equal(part.state[b[1]]["exp_avg"], whole.state[a[1]]["exp_avg"])
    handle.remove()
    with pytest.raises(ArgumentError, match=r"groups of \[4\] parameters; accepted are groups of \[2\]"):
        part.load_state_dict(whole.state_dict())


def one():
    return [nn.Parameter(torch.ones(2))]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ours.SGD(one(), lr=-0.1), r"lr: received -0\.1; accepted is a finite number of at least 0"),
        (lambda: ours.SGD(one(), lr=float("nan")), "lr: received nan"),
        (lambda: ours.SGD(one(), lr="0.1"), "lr: received '0.1' of type str"),
        (lambda: ours.SGD(one(), lr=torch.ones(2)), "lr: received a tensor of 2 elements"),
        (lambda: ours.SGD(one(), lr=True), "lr: received True of type bool"),
        (lambda: ours.SGD(one(), momentum=float("inf")), "momentum: received inf"),
        (lambda: ours.SGD(one(), nesterov=True), "nesterov: received True with momentum=0"),
        (lambda: ours.Momentum(one(), momentum=1.0), r"momentum: received 1\.0; accepted is .* below 1"),
        (lambda: ours.Adam(one(), betas=(0.9, 1.0)), r"betas\[1\]: received 1\.0"),
        (lambda: ours.Adam(one(), betas=0.9), r"betas: received 0\.9; accepted are 2 numbers"),
        (lambda: ours.Adam(one(), eps=-1e-8), "eps: received -1e-08"),
        (lambda: ours.Adam(one(), eps=None), "eps: received None of type NoneType"),
        (lambda: ours.Adam(one(), fused=True, foreach=True), "fused: received True together with foreach=True"),
        (lambda: ours.Adam(one(), engine="cuda"), "engine: received 'cuda'; accepted are 'auto', 'torch'"),
        (lambda: ours.Adam([]), "params: received an empty list"),
        (lambda: ours.Adam([{"params": []}, {"params": []}]), "params: received groups that are all empty"),
        (lambda: ours.Adam([{"params": one(), "lr": -1}]), "lr: received -1"),
    ],
)
def test_bad_arguments_are_named(make, said):
    with pytest.raises(ArgumentError, match=said):
        make()


@pytest.mark.parametrize("method", [ours.Adam, ours.AdamW])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lr": torch.tensor(0.1), "foreach": True}, r"lr as a Tensor is not supported for capturable=False"),
        (
            {"betas": (torch.tensor(0.9), torch.tensor(0.99)), "foreach": True},
            r"betas\[0\] as a Tensor is not supported",
        ),
        ({"betas": (0.9, torch.tensor(0.99))}, "betas must be either both floats or both Tensors"),
        ({"betas": (torch.tensor(0.9), 0.99)}, "betas must be either both floats or both Tensors"),
    ],
    ids=["rate", "betas", "second beta", "first beta"],
)
def test_tensors_are_refused_where_torch_refuses_them(method, options, said):
    p = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="Tensor"):
        getattr(torch.optim, method.__name__)([p], **options)
    with pytest.raises(ArgumentError, match=said):
        method([p], **options)


@pytest.mark.parametrize("method", [ours.Adam, ours.AdamW])
def test_tensors_are_read_where_torch_takes_them(method):
    rate, betas = torch.tensor(0.1), (torch.tensor(0.5), torch.tensor(0.9))
    mine, theirs = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizers = [
        make([p], lr=rate, betas=betas) for make, p in ((method, mine), (getattr(torch.optim, method.__name__), theirs))
    ]
    for step in range(4):
        rate.fill_(0.1 * (step + 1))
        for p, optimizer in zip((mine, theirs), optimizers, strict=True):
            p.grad = torch.full((2,), 1.0 - step)
            optimizer.step()
    torch.testing.assert_close(mine, theirs)


def test_a_parameter_in_two_groups_is_refused():
    shared = one()
    said = r"param_groups\[1\]: params: .* position 0.* in more than one parameter group"
    with pytest.raises(ArgumentError, match=said):
        ours.Adam([{"params": shared}, {"params": shared}])


def test_one_group_of_several_may_be_empty():
    assert len(ours.Adam([{"params": []}, {"params": one()}]).param_groups) == 2


@pytest.mark.parametrize("state", [None, [], "model.pt"])
def test_a_state_that_is_no_dict_is_refused(state):
    with pytest.raises(
        ArgumentError, match=r"state_dict: received .* of type (NoneType|list|str); accepted is the dict"
    ):
        ours.Adam(one()).load_state_dict(state)


@pytest.mark.parametrize("params", [torch.ones(2), 3, {"weight": torch.ones(2)}])
def test_params_of_the_wrong_type_are_refused(params):
    with pytest.raises(TypeError, match="params: received"):
        ours.SGD(params)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("state"), "keys"),
        (lambda s: s["param_groups"][0]["params"].append(9), r"groups of \[3, 2\].*\[2, 2\]"),
        (lambda s: s["state"][0].update(exp_avg=torch.ones(5)), r"state\[0\]\['exp_avg'\] has shape \(5,\)"),
        (lambda s: s["state"][0].update(square_avg=torch.ones(3, 4)), "'square_avg', which Adam does not keep"),
        (lambda s: s["param_groups"][0].pop("betas"), r"param_groups\[0\] has no 'betas'.*another method"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, said):
    a, mine, *_ = pair(("Adam", {}), engine="torch")
    run(a, mine, range(1))
    state = copy.deepcopy(mine.state_dict())
    change(state)
    with pytest.raises(ArgumentError, match=said):
        mine.load_state_dict(state)


def test_the_state_of_another_method_is_refused():
    a, b = parameters(), parameters()
    adam, sgd = torch.optim.Adam(a), ours.SGD(b, momentum=0.9)
    run(a, adam, range(1))
    with pytest.raises(ArgumentError, match=r"no 'momentum'"):
        sgd.load_state_dict(adam.state_dict())


@pytest.mark.parametrize(
    ("saved", "loaded", "said"),
    [
        ("RAdam", "Adam", "lacks 'amsgrad', which Adam has"),
        ("Adam", "RAdam", "has 'amsgrad', which RAdam lacks"),
        ("NAdam", "Adam", "momentum_decay|amsgrad|mu_product"),
        ("SGD", "Momentum", "has 'dampening', which Momentum lacks"),
    ],
)
def test_methods_whose_states_look_alike_are_told_apart(saved, loaded, said):
    a, b = parameters(), parameters()
    other = getattr(torch.optim, saved)(a)
    run(a, other, range(1))
    with pytest.raises(ArgumentError, match=said):
        getattr(ours, loaded)(b).load_state_dict(other.state_dict())


@pytest.mark.parametrize("case", CASES, ids=named)
@pytest.mark.parametrize("engine", ["auto", "numba", "fused", "torch"])
def test_a_parameter_listed_twice_warns_and_steps_twice_as_under_torch(case, engine):
    name, options = case
    trained = []
    for module, own in ((ours, {"engine": engine}), (torch.optim, {})):
        params = parameters()
        with pytest.warns(UserWarning, match="a parameter group with duplicate parameters"):
            optimizer = getattr(module, name)([params[0], *params], **options, **own)
        run(params, optimizer, range(5))
        trained.append((params, optimizer.state_dict()))
    assert distance(trained[0][0], trained[1][0]) < 1e-12
    torch.testing.assert_close(trained[0][1]["state"], trained[1][1]["state"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=named)
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_state_dicts_have_the_entries_of_torchs(case, engine):
    a, mine, b, theirs = pair(case, engine=engine)
    for steps in (0, 2):
        run(a, mine, range(steps))
        run(b, theirs, range(steps))
        saved, expected = mine.state_dict(), theirs.state_dict()
        assert {k: set(state) for k, state in saved["state"].items()} == {
            k: set(state) for k, state in expected["state"].items()
        }
        assert [set(group) for group in saved["param_groups"]] == [set(group) for group in expected["param_groups"]]


def test_adamw_is_an_adam_whatever_state_it_loads():
    saved = ours.Adam(one()).state_dict()
    decoupled = ours.AdamW(one(), weight_decay=0.1)
    assert isinstance(decoupled, ours.Adam)
    decoupled.load_state_dict(saved)
    assert decoupled.param_groups[0]["decoupled_weight_decay"] is True
    adam = ours.Adam(one())
    adam.load_state_dict(ours.AdamW(one()).state_dict())
    assert adam.param_groups[0]["decoupled_weight_decay"] is True
    old = ours.AdamW(one()).state_dict()
    del old["param_groups"][0]["decoupled_weight_decay"]
    decoupled.load_state_dict(old)
    assert decoupled.param_groups[0]["decoupled_weight_decay"] is True


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_fused_refuses_what_torch_refuses_and_recovers(name):
    with torch.device("meta"):
        model = nn.Linear(2, 3)
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
    optimizer = getattr(ours, name)(model.parameters(), fused=True)
    with pytest.raises(RuntimeError, match="`fused=True` requires all the params to be floating point Tensors"):
        optimizer.step()
    optimizer.zero_grad()
    model.to_empty(device="cpu")
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()


def test_numbers_are_judged_before_parameters():
    with pytest.raises(ArgumentError, match="lr: received -1"):
        ours.SGD(None, lr=-1)
