"""What listeners and watchers see of forward passes, and that the passes are the same with and without them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional as F
from torch.nn.modules import module as torch_modules
from torch.overrides import TorchFunctionMode

from unstuck.observe.torch_hooks import compilation, forward


class Seen:
    """Writes down what it is shown."""

    def __init__(self, *functions: Any, owns: nn.Module | None = None) -> None:
        self.spent = 0.0
        self.owns = owns
        self.modules: list[tuple[str, str, Any]] = []
        self.inputs: list[tuple[Any, ...]] = []
        self.called: list[Any] = []
        self.numbers: list[Any] = []
        self.refused: list[Any] = []
        self.returned: list[Any] = []
        self.errors: list[Exception] = []
        self.modes: list[tuple[bool, bool]] = []
        self.calls = dict.fromkeys(functions, self.call)

    def claims(self, module: nn.Module) -> bool:
        return module is self.owns

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        self.modules.append(("begins", type(module).__name__, outermost))
        self.inputs.append(inputs)
        self.modes.append((learning, torch.is_grad_enabled()))

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        self.modules.append(("ended", type(module).__name__, None if outer is None else type(outer).__name__))
        self.returned.append(output)

    def call(self, function: Any, args: Any, kwargs: Any, output: Any, *, learning: bool) -> None:
        self.called.append((function, learning))

    def scalars(self, function: Any, args: Any, kwargs: Any, output: Any, *, learning: bool) -> None:
        self.numbers.append(function)

    def function_failed(self, function: Any, args: Any, kwargs: Any) -> None:
        self.refused.append(function)

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def seen() -> Iterator[Callable[..., Seen]]:
    """Makes listeners, which see until the end of the test."""
    made: list[Seen] = []

    def listen(*functions: Any, **known: Any) -> Seen:
        made.append(Seen(*functions, **known))
        forward.listen(made[-1])
        return made[-1]

    yield listen
    for listener in made:
        forward.unlisten(listener)
    assert not torch_modules._global_forward_hooks
    assert not torch_modules._global_forward_pre_hooks
    assert torch._C._len_torch_function_stack() == 0
    assert list(forward.running_modules()) == []


X = torch.ones(3, 2)


def test_modules_are_seen_as_they_begin_and_end(seen: Callable[..., Seen]) -> None:
    listener = seen()
    nn.Sequential(nn.Linear(2, 4), nn.ReLU())(X)
    assert listener.modules == [
        ("begins", "Sequential", True),
        ("begins", "Linear", False),
        ("ended", "Linear", "Sequential"),
        ("begins", "ReLU", False),
        ("ended", "ReLU", "Sequential"),
        ("ended", "Sequential", None),
    ]
    assert listener.spent > 0.0


class Policy(nn.Module):
    def forward(self, x: Tensor) -> Categorical:
        return Categorical(logits=x)


def test_a_module_ends_that_returns_an_object(seen: Callable[..., Seen]) -> None:
    listener = seen()
    policy = Policy()
    assert isinstance(policy(X), Categorical)
    assert listener.modules == [("begins", "Policy", True), ("ended", "Policy", None)]
    (logits,) = (value for value in listener.returned[0] if value.shape == X.shape)
    assert torch.equal(logits, Categorical(logits=X).logits)


def test_listening_twice_is_listening_once(seen: Callable[..., Seen]) -> None:
    listener = seen()
    forward.listen(listener)
    nn.Identity()(X)
    assert len(listener.modules) == 2
    forward.unlisten(listener)
    forward.unlisten(listener)
    nn.Identity()(X)
    assert len(listener.modules) == 2


class Keywords(nn.Module):
    def forward(self, x: Tensor, *, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        return x * scale if mask is None else x * mask * scale


def test_keyword_inputs_reach_listeners(seen: Callable[..., Seen]) -> None:
    listener, mask = seen(), torch.ones(3, 2)
    Keywords()(X, mask=mask, scale=2.0)
    Keywords()(x=X)
    Keywords()(X)
    kinds = [[type(value) for value in inputs] for inputs in listener.inputs]
    assert kinds == [[Tensor, Tensor, float], [Tensor], [Tensor]]
    assert listener.inputs[0][0] is X
    assert listener.inputs[0][1] is mask
    assert listener.inputs[1][0] is X


def test_keyword_inputs_reach_listeners_beside_hooks_of_the_users(seen: Callable[..., Seen]) -> None:
    listener, model = seen(), Keywords()
    theirs: list[Any] = []
    model.register_forward_pre_hook(lambda module, args, kwargs: theirs.append(kwargs), with_kwargs=True)
    model.register_forward_hook(lambda module, args, output: output + 1)
    assert model(X, scale=3.0).tolist() == (X * 3 + 1).tolist()
    assert listener.inputs == [(X, 3.0)]
    assert theirs == [{"scale": 3.0}]


def test_whether_gradients_were_on_is_told_and_ours_are_off(seen: Callable[..., Seen]) -> None:
    listener = seen(F.relu)
    F.relu(nn.Identity()(X))
    with torch.no_grad():
        F.relu(nn.Identity()(X))
    assert listener.modes == [(True, False), (False, False)]
    assert listener.called == [(F.relu, True), (F.relu, False)]


def test_only_functions_that_a_listener_cares_for_are_shown(seen: Callable[..., Seen]) -> None:
    first, second = seen(torch.exp), seen(torch.exp, Tensor.view)
    X.exp()
    torch.exp(X).view(6)
    assert first.called == [(torch.exp, True)]
    assert second.called == [(torch.exp, True), (Tensor.view, True)]


def test_functions_that_return_one_number_are_shown_to_all(seen: Callable[..., Seen]) -> None:
    listener = seen(Tensor.sum)
    X.mean()
    X.sum()
    X.sum(dim=0)
    assert listener.numbers == [Tensor.mean]
    assert listener.called == [(Tensor.sum, True)] * 2


def test_a_function_that_raises_is_told_and_raises(seen: Callable[..., Seen]) -> None:
    listener = seen(torch.mm)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        torch.mm(X, X)
    with pytest.raises(RuntimeError):
        X.view(7)
    assert listener.refused == [torch.mm]
    torch.mm(X, X.T)
    assert len(listener.called) == 1


def test_a_module_that_raises_is_left(seen: Callable[..., Seen]) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("mine")

    listener = seen()
    with pytest.raises(ValueError, match="mine"):
        nn.Sequential(nn.Identity(), Broken())(X)
    assert list(forward.running_modules()) == []
    nn.Identity()(X)
    assert listener.modules[-2:] == [("begins", "Identity", True), ("ended", "Identity", None)]


def test_a_listener_that_raises_is_dropped_and_the_others_go_on(seen: Callable[..., Seen]) -> None:
    broken, other = seen(F.relu), seen(F.relu)

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    broken.calls[F.relu] = fail
    F.relu(nn.Identity()(X))
    F.relu(nn.Identity()(X))
    assert [type(error) for error in broken.errors] == [ZeroDivisionError]
    assert len(broken.modules) == 2
    assert len(other.called) == 2
    assert not other.errors


def test_what_a_listener_computes_is_seen_by_nobody(seen: Callable[..., Seen]) -> None:
    curious, other = seen(F.relu), seen(F.relu, torch.exp)
    curious.calls[F.relu] = lambda *_, **__: nn.Identity()(torch.exp(X))
    F.relu(X)
    assert other.called == [(F.relu, True)]
    assert other.modules == []


def in_thread(work: Callable[[], object]) -> None:
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()


def test_a_listener_sees_its_own_thread_only(seen: Callable[..., Seen]) -> None:
    listener = seen(F.relu)
    in_thread(lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU())(X))
    assert listener.modules == []
    assert listener.called == []
    assert list(forward.running_modules()) == []
    nn.ReLU()(X)
    assert len(listener.modules) == 2
    assert len(listener.called) == 1


def test_listeners_of_two_threads_do_not_see_each_other(seen: Callable[..., Seen]) -> None:
    here, there = seen(F.relu), Seen(F.relu)

    def elsewhere() -> None:
        forward.listen(there)
        try:
            nn.Linear(2, 2)(X)
            in_thread(lambda: None)
        finally:
            forward.unlisten(there)

    in_thread(elsewhere)
    nn.ReLU()(X)
    assert [name for _, name, _ in there.modules] == ["Linear"] * 2
    assert [name for _, name, _ in here.modules] == ["ReLU"] * 2


def test_a_listener_moves_to_the_thread_in_which_its_module_runs(seen: Callable[..., Seen]) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    listener = seen(F.relu, owns=model)

    def train() -> None:
        nn.Linear(2, 2)(X)
        model(X)
        forward.unlisten(listener)

    in_thread(train)
    assert listener.modules[0] == ("begins", "Sequential", True)
    assert len(listener.modules) == 6
    assert len(listener.called) == 1


def test_modules_that_began_before_can_be_entered(seen: Callable[..., Seen]) -> None:
    listener = Seen()

    class Late(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            forward.listen(listener)
            forward.enter(self)
            forward.enter(self)
            return nn.functional.relu(inner(x))

    inner = nn.Linear(2, 2)
    Late()(X)
    forward.unlisten(listener)
    assert listener.modules[:2] == [("begins", "Linear", False), ("ended", "Linear", "Late")]
    assert list(forward.running_modules()) == []


class Theirs(TorchFunctionMode):
    """A mode of the user's, which counts."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("first", [True, False], ids=["theirs came first", "ours came first"])
def test_modes_of_the_users_are_left_in_place_and_see_the_same(seen: Callable[..., Seen], first: bool) -> None:
    listener, outer, inner = Seen(torch.exp), Theirs(), Theirs()
    if not first:
        forward.listen(listener)
    with outer, inner:
        if first:
            forward.listen(listener)
        torch.exp(X)
        assert (len(listener.called), inner.count, outer.count) == (1, 1, 1)
        forward.unlisten(listener)
        assert torch._C._len_torch_function_stack() == 2
        torch.exp(X)
        assert (len(listener.called), inner.count, outer.count) == (1, 2, 2)
        forward.listen(listener)
        torch.exp(X)
    torch.exp(X)
    assert (len(listener.called), inner.count, outer.count) == (3, 3, 3)
    forward.unlisten(listener)
    assert torch._C._len_torch_function_stack() == 0


def test_the_default_device_stays_what_it_is(seen: Callable[..., Seen]) -> None:
    listener = Seen(torch.exp)
    torch.set_default_device("meta")
    try:
        forward.listen(listener)
        assert torch.exp(torch.ones(2)).is_meta
        with torch.device("cpu"):
            assert not torch.exp(torch.ones(2)).is_meta
        forward.unlisten(listener)
        assert torch.ones(2).is_meta
    finally:
        torch.set_default_device(None)
        forward.unlisten(listener)
    assert not torch.ones(2).is_meta
    assert len(listener.called) == 2


@pytest.mark.parametrize("raises", [False, True])
def test_fused_layers_run_without_our_mode(seen: Callable[..., Seen], raises: bool) -> None:
    listener, depths = seen(), []

    class Attention(nn.MultiheadAttention):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            depths.append(torch._C._len_torch_function_stack())
            if raises:
                raise ValueError("mine")
            return super().forward(*args, **kwargs)

    layer, x = Attention(4, 2), torch.randn(3, 2, 4)
    for training in (True, False):
        layer.train(training)
        try:
            layer(x, x, x)
        except ValueError:
            assert raises
        assert torch._C._len_torch_function_stack() == 1
    assert depths == [1, 0], "in evaluation only"
    assert len(listener.modules) >= 2


def test_nothing_is_seen_of_a_transform_whose_tensors_hold_no_values(seen: Callable[..., Seen]) -> None:
    listener, model = seen(F.relu), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    torch.vmap(model)(X)
    torch.func.grad(lambda x: model(x).sum())(X)
    assert listener.modules == []
    assert listener.called == []
    assert list(forward.running_modules()) == []
    model(X)
    assert len(listener.modules) == 6


def test_numbers_and_warnings_are_the_same(seen: Callable[..., Seen]) -> None:
    class Warns(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            warnings.warn("look", UserWarning, stacklevel=3)
            return F.dropout(x, 0.5)

    def outcome() -> tuple[list[Any], list[tuple[str, int]]]:
        torch.manual_seed(0)
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            result = nn.Sequential(nn.Linear(2, 2), Warns())(X)
        return result.tolist(), [str(warning.message) for warning in shown]

    expected = outcome()
    seen(F.dropout)
    assert outcome() == expected


class Watching:
    """Hears of the forward passes of one model."""

    def __init__(self, model: nn.Module, *, thread: int | None = None, awaits: bool = False) -> None:
        self.thread, self.entries, self.awaits_evaluations = thread, {id(model)}, awaits
        self.kinds, self.copies = {Keywords}, list[nn.Module]()
        self.seen: list[tuple[int, bool]] = []
        self.inputs: list[tuple[Any, ...]] = []
        self.errors: list[Exception] = []

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        self.seen.append((id(module), learning))
        self.inputs.append(inputs)

    def copy_begins(self, module: nn.Module) -> None:
        self.copies.append(module)

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def watch() -> Iterator[Callable[..., Watching]]:
    made: list[Watching] = []

    def make(model: nn.Module, **known: Any) -> Watching:
        made.append(Watching(model, **known))
        forward.watch(made[-1])
        return made[-1]

    yield make
    for watcher in made:
        forward.unwatch(watcher)
        forward.unwatch(watcher)
    assert not torch_modules._global_forward_pre_hooks


def test_a_watcher_hears_of_its_modules_while_it_attends(watch: Callable[..., Watching]) -> None:
    model, other = Keywords(), nn.Identity()
    watcher = watch(model)
    model(X, scale=2.0)
    other(X)
    with torch.no_grad():
        model(X)
    assert watcher.seen == [(id(model), True), (id(model), False)]
    assert watcher.inputs == [(X, 2.0), (X,)]
    forward.disregard(watcher)
    assert not torch_modules._global_forward_pre_hooks
    model(X)
    forward.attend(watcher)
    model(X)
    assert len(watcher.seen) == 3


def test_a_watcher_hears_of_evaluations_of_copies(watch: Callable[..., Watching]) -> None:
    model, copy, other = Keywords(), Keywords(), nn.Identity()
    watcher = watch(model)
    copy(X)
    with torch.no_grad():
        for module in (model, copy, other):
            module(X)
    assert watcher.copies == [copy]
    assert watcher.seen == [(id(model), False)]


def test_a_watcher_hears_of_its_thread(watch: Callable[..., Watching]) -> None:
    model = nn.Identity()
    mine, everybodys = watch(model, thread=threading.get_ident()), watch(model)
    in_thread(lambda: model(X))
    assert (len(mine.seen), len(everybodys.seen)) == (0, 1)


def test_a_turn_wakes_those_who_await_evaluations(watch: Callable[..., Watching]) -> None:
    model = nn.Identity()
    awaiting, other = watch(model, awaits=True), watch(model)
    for watcher in (awaiting, other):
        forward.disregard(watcher)
    forward.turned()
    forward.gradients_on()
    model(X)
    assert (len(awaiting.seen), len(other.seen)) == (1, 0)


def test_gradients_that_come_back_before_an_evaluation_end_the_attention(watch: Callable[..., Watching]) -> None:
    model = nn.Identity()
    watcher = watch(model, awaits=True)
    forward.disregard(watcher)
    forward.gradients_off()
    forward.gradients_on()
    model(X)
    assert watcher.seen == []
    forward.gradients_off()
    model(X)
    forward.gradients_on()
    model(X)
    assert len(watcher.seen) == 2, "an evaluation that began is seen until it is disregarded"


def test_a_watcher_that_raises_is_dropped(watch: Callable[..., Watching]) -> None:
    model = nn.Identity()
    watcher, other = watch(model), watch(model)

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    watcher.forward_begins = fail
    model(X)
    model(X)
    assert [type(error) for error in watcher.errors] == [ZeroDivisionError]
    assert len(other.seen) == 2


def test_what_compiles_is_not_seen_any_more(
    seen: Callable[..., Seen], watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Identity()
    listener, watcher = seen(F.relu), watch(model, awaits=True)
    monkeypatch.setattr(compilation._state, "began", True)
    forward.go_blind()
    assert forward.blind()
    assert torch._C._len_torch_function_stack() == 0
    assert not torch_modules._global_forward_hooks
    assert not torch_modules._global_forward_pre_hooks
    forward.listen(listener)
    forward.attend(watcher)
    forward.turned()
    F.relu(model(X))
    assert (listener.modules, listener.called, watcher.seen) == ([], [], [])
