"""Forward, backward and registration hooks, against PyTorch where it is installed."""

from __future__ import annotations

import copy

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn import _hooks


@pytest.fixture(autouse=True)
def no_hook_is_left():
    before = _hooks.live
    yield
    assert _hooks.live == before


class Adds(nn.Module):
    def forward(self, x, *, y=0):
        return x + y


def test_forward_hooks_see_and_replace():
    module, seen = Adds(), []
    with (
        module.register_forward_pre_hook(lambda m, args: seen.append(args)),
        module.register_forward_pre_hook(lambda m, args: args[0] * 2),
        module.register_forward_hook(lambda m, args, out: seen.append((args, out))),
        module.register_forward_hook(lambda m, args, out: out + 100),
    ):
        assert module(3, y=1) == 107
    assert seen == [(3,), ((6,), 7)]
    assert module(3, y=1) == 4


def test_hooks_with_keywords_and_prepend():
    module, order = Adds(), []
    with (
        module.register_forward_pre_hook(lambda m, a, k: (a, {"y": k["y"] * 10}), with_kwargs=True),
        module.register_forward_hook(lambda m, a, k, out: order.append(("late", k)), with_kwargs=True),
        module.register_forward_hook(lambda m, a, out: order.append("early"), prepend=True),
    ):
        assert module(3, y=1) == 13
    assert order == ["early", ("late", {"y": 10})]
    with module.register_forward_pre_hook(lambda m, a, k: 5, with_kwargs=True):
        with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
            module(1)


def test_always_called_hooks_run_after_an_error():
    class Fails(nn.Module):
        def forward(self, x):
            raise ValueError("on purpose")

    module, seen = Fails(), []
    with (
        module.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True),
        module.register_forward_hook(lambda m, a, out: seen.append("never")),
    ):
        with pytest.raises(ValueError, match="on purpose"):
            module(1)
    assert seen == [None]
    with module.register_forward_hook(lambda m, a, out: 1 / 0, always_call=True):
        with pytest.raises(ValueError, match="on purpose"):
            with pytest.warns(UserWarning, match="raised an exception that was silenced"):
                module(1)


def test_global_hooks():
    seen = []
    with (
        nn.modules.module.register_module_forward_pre_hook(lambda m, a: seen.append("pre")),
        nn.modules.module.register_module_forward_hook(lambda m, a, out: seen.append("post")),
    ):
        nn.Sequential(nn.Identity())(1)
    assert seen == ["pre", "pre", "post", "post"]


def test_registration_hooks():
    names = []
    note = lambda module, name, value: names.append(name)
    with (
        nn.modules.module.register_module_parameter_registration_hook(note),
        nn.modules.module.register_module_module_registration_hook(note),
        nn.modules.module.register_module_buffer_registration_hook(note),
    ):
        model = nn.Sequential(nn.Linear(1, 1))
        model.register_buffer("mean", None)
    assert names == ["weight", "bias", "0", "mean"]


def test_the_count_of_live_hooks_is_right_however_hooks_go():
    start = _hooks.live
    module = Adds()
    handle = module.register_forward_hook(lambda *a: None)
    assert _hooks.live == start + 1
    handle.remove()
    handle.remove()
    assert _hooks.live == start
    module.register_forward_hook(lambda *a: None)
    module._forward_hooks.clear()
    assert _hooks.live == start
    module._forward_pre_hooks[123456789] = lambda *a: None
    module._forward_pre_hooks.popitem()
    assert _hooks.live == start
    module.register_forward_pre_hook(lambda *a: None)
    clone = copy.deepcopy(module)
    assert _hooks.live == start + 2
    del module, clone
    assert _hooks.live == start


def backward_story(torch):
    """Run a model with backward hooks; return what the hooks saw and the gradients, as lists."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(torch.arange(p.numel()).reshape(p.shape) / (5.0 + i))
    seen = []
    listed = lambda grads: [None if g is None else g.tolist() for g in grads]
    handles = [
        model[1].register_full_backward_hook(lambda m, gi, go: seen.append(["tanh", listed(gi), listed(go)])),
        model[0].register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,)),
        model[0].register_full_backward_pre_hook(lambda m, go: (go[0] + 1,)),
        model.register_full_backward_hook(lambda m, gi, go: seen.append(["model", listed(gi), listed(go)])),
        model.register_full_backward_pre_hook(lambda m, go: seen.append(["pre", listed(go)])),
    ]
    x = torch.ones(2, 3, requires_grad=True)
    model(x).sum().backward()
    for handle in handles:
        handle.remove()
    return seen, listed([x.grad, model[0].weight.grad, model[0].bias.grad])


def test_backward_hooks_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    (ours, our_grads), (theirs, their_grads) = backward_story(tl), backward_story(torch)
    assert [entry[0] for entry in ours] == [entry[0] for entry in theirs]
    for mine, other in zip(ours + our_grads, theirs + their_grads, strict=True):
        assert flatten(mine) == pytest.approx(flatten(other), rel=1e-5)


def flatten(nested):
    if isinstance(nested, (list, tuple)):
        return [leaf for item in nested for leaf in flatten(item)]
    return [] if nested is None or isinstance(nested, str) else [nested]


def test_backward_hook_without_input_gradients():
    layer, seen = nn.Linear(2, 1), []
    with layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist()))):
        out = layer(tl.ones(1, 2))
        with pytest.warns(UserWarning, match="no inputs require gradients"):
            out.sum().backward()
    assert seen == [((None,), [[1.0]])]
    assert layer.weight.grad.tolist() == [[1.0, 1.0]]


def test_backward_hooks_with_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, a, b, scale):
            return a * scale, b * a

    module, seen = Two(), []
    with module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go))):
        a, b = tl.ones(1, requires_grad=True), tl.ones(1)
        first, _second = module(a, b, 3.0)
        first.backward(tl.ones(1))
    ((gi, go),) = seen
    assert gi[0].tolist() == [3.0] and gi[1].tolist() == [0.0] and gi[2] is None
    assert go[0].tolist() == [1.0]
    assert a.grad.tolist() == [3.0]


def test_wrong_number_of_gradients_from_a_hook():
    layer = nn.Identity()
    with layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0])):
        out = layer(tl.ones(1, requires_grad=True))
        with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
            out.sum().backward()


def test_old_backward_hooks_are_refused():
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        nn.Identity().register_backward_hook(lambda *a: None)
