from __future__ import annotations

import pytest

from tests.confirm.programs import line_of, ran
from unstuck.confirm import of_loop
from unstuck.confirm.edit import EditError
from unstuck.record import facts

LOOP = """net = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
net.eval()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ExponentialLR(opt, 0.1)
for _ in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
    scheduler.step()
"""

NET = facts.Model(type="Sequential", variable="net")


def optimizer(programs, body=LOOP, rate=0.1) -> facts.Optimizer:
    group = facts.ParameterGroup(parameters=2, learning_rate=rate)
    return facts.Optimizer(type="SGD", groups=(group,), file=programs.file, line=line_of(body, "opt = "))


def graph(programs, body=LOOP) -> facts.Graph:
    return facts.Graph(step=0, file=programs.file, line=line_of(body, "backward"))


def test_gradients_are_cleared_before_the_backward_pass(programs):
    body = LOOP.replace("    opt.zero_grad()\n", "")
    change = programs.proved(body, {}, optimizer(programs, body), line=line_of(body, "backward"))
    edit = of_loop.gradients_cleared(change)
    assert "    opt.zero_grad()\n    loss.backward()\n" in edit.after
    ran(edit)


def test_the_model_is_put_in_training_mode_before_each_forward_pass(programs):
    edit = of_loop.training_mode(programs.proved(LOOP, {"training": True}, NET, graph(programs)))
    assert "    net.train()\n    loss = F.cross_entropy(net(x), y)\n" in edit.after
    assert ran(edit)["net"].training


@pytest.mark.parametrize(
    ("settings", "variable", "why"),
    [
        ({"training": True, "evaluation": True}, "net", "around evaluations too"),
        ({"training": True}, "", "name in the program is not known"),
        ({"training": True}, "model", "is not called in the block"),
    ],
)
def test_why_the_mode_stays(programs, settings, variable, why):
    model = facts.Model(type="Sequential", variable=variable)
    with pytest.raises(EditError, match=why):
        of_loop.training_mode(programs.proved(LOOP, settings, model, graph(programs)))


CUT = """class Net(nn.Linear):
    def forward(self, x):
        return super().forward(x).detach()
net = Net(4, 3)
log = net(x).detach()
"""


def test_a_cut_within_the_model_is_mended(programs):
    edit = of_loop.attached(programs.proved(CUT, {"where": "model"}))
    assert "return super().forward(x)\n" in edit.after
    assert ran(edit)["net"](ran(edit)["x"]).requires_grad


def test_the_cut_that_was_seen_is_mended(programs):
    body = "net = nn.Linear(4, 3)\nh = net(x).detach()\nlog = h.detach()\n"
    cut = facts.Detachment(where="", calls=2, cut=1, file=programs.file, line=line_of(body, "h = net"))
    edit = of_loop.attached(programs.proved(body, {"where": "anywhere"}, cut))
    assert "h = net(x)\n" in edit.after
    assert "log = h.detach()" in edit.after
    with pytest.raises(EditError, match="what cuts the graph does not stand"):
        of_loop.attached(programs.proved(body, {"where": "anywhere"}))


def test_a_cut_beside_others_is_left(programs):
    body = CUT.replace("forward(x).detach()", "forward(x.data).detach()")
    with pytest.raises(EditError, match="several places"):
        of_loop.attached(programs.proved(body, {"where": "model"}))
    body = CUT.replace("super().forward(x).detach()", "torch.tensor(super().forward(x).tolist())")
    with pytest.raises(EditError, match="by another call than detach"):
        of_loop.attached(programs.proved(body, {"where": "model"}))


LOADERS = """from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(x, y)
train = DataLoader(data, batch_size=4, shuffle=False)
test = DataLoader(data, batch_size=4)
for a, b in train:
    loss = nn.Linear(4, 3)(a).sum().backward()
"""

USED = facts.Loader(number=0, begun=1, updates=2)


@pytest.mark.parametrize("last", ["", ", shuffle=False", ", num_workers=0"])
def test_the_loader_of_the_training_loop_is_shuffled(programs, last):
    body = LOADERS.replace(", shuffle=False", last)
    edit = of_loop.shuffled(programs.proved(body, {}, USED, graph(programs, body)))
    names = ran(edit)
    assert type(names["train"].sampler).__name__ == "RandomSampler"
    assert type(names["test"].sampler).__name__ == "SequentialSampler"


def test_why_no_loader_is_shuffled(programs):
    with pytest.raises(EditError, match="come from no DataLoader"):
        of_loop.shuffled(programs.proved(LOADERS, {}))
    with pytest.raises(EditError, match="several places"):
        of_loop.shuffled(programs.proved(LOADERS, {}, USED))
    own = LOADERS.replace("shuffle=False", "sampler=range(8)")
    with pytest.raises(EditError, match="a sampler of its own"):
        of_loop.shuffled(programs.proved(own, {}, USED, graph(programs, own)))


def schedule(programs, body=LOOP, base=0.1) -> facts.Schedule:
    return facts.Schedule(
        type="ExponentialLR", base_rate=base, file=programs.file, line=line_of(body, "scheduler.step")
    )


def test_the_step_of_the_schedule_is_taken_out(programs):
    edit = of_loop.schedule_held(programs.proved(LOOP, {}, optimizer(programs), schedule(programs)))
    assert edit.after == edit.before.replace("    scheduler.step()\n", "")
    assert ran(edit)["opt"].param_groups[0]["lr"] == 0.1


def test_a_step_that_is_all_of_a_block_leaves_one_that_does_nothing(programs):
    body = LOOP.replace("    scheduler.step()\n", "    if x is not None:\n        scheduler.step()\n")
    edit = of_loop.schedule_held(programs.proved(body, {}, optimizer(programs), schedule(programs, body)))
    assert "        pass\n" in edit.after
    ran(edit)


@pytest.mark.parametrize("base", [1.0, None])
def test_why_the_schedule_stays(programs, base):
    with pytest.raises(EditError, match="does not start with the rate"):
        of_loop.schedule_held(programs.proved(LOOP, {}, optimizer(programs), schedule(programs, base=base)))
    with pytest.raises(EditError, match="sets the rate itself"):
        of_loop.schedule_held(programs.proved(LOOP, {}, optimizer(programs)))


def test_gradients_are_clipped_before_the_step(programs):
    change = programs.proved(LOOP, {"norm": 1.0}, NET, optimizer(programs), graph(programs))
    edit = of_loop.clipped(change)
    assert "    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n    opt.step()\n" in edit.after
    ran(edit)
    body = edit.after.partition("(8,))\n")[2]
    change = programs.proved(body, {"norm": 5.0}, NET, optimizer(programs, body), graph(programs, body))
    assert "clip_grad_norm_(net.parameters(), 5.0)" in of_loop.clipped_at(change).after
    with pytest.raises(EditError, match="clipped already"):
        of_loop.clipped(change)
