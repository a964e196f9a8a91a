"""The same stories told to both libraries: what hooks see, in which order, and what comes of it; paths and loading."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn import _hooks


@pytest.fixture(autouse=True)
def no_hook_is_left():
    before = _hooks.live
    yield
    assert _hooks.live == before


def plain(value):
    """Turn what hooks see into something that both libraries have."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


class Log(list):
    """Makes hooks that note what they get."""

    def hook(self, tag, answer=None, calls=None):
        def hook(module, *args):
            self.append((tag, plain(args)))
            return calls(*args) if calls else answer

        return hook

    def attempt(self, action):
        """Note the result, or the kind of error and its first line; and warnings."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self.append(plain(action()))
            except Exception as error:
                self.append((type(error).__name__, str(error).split("\n")[0]))
        self.extend((w.category.__name__, str(w.message)[:60]) for w in caught)


def boom(*args):
    raise ValueError("boom")


def adds(lib):
    class Adds(lib.nn.Module):
        def forward(self, x, *, y=0):
            return x + y

    return Adds()


def order(lib, log):
    hooks, module = lib.nn.modules.module, adds(lib)
    handles = [
        hooks.register_module_forward_pre_hook(log.hook("every pre")),
        hooks.register_module_forward_hook(log.hook("every")),
        hooks.register_module_forward_hook(log.hook("every, kwargs"), with_kwargs=True),
        hooks.register_module_forward_hook(log.hook("every, always"), always_call=True),
        module.register_forward_pre_hook(log.hook("pre")),
        module.register_forward_pre_hook(log.hook("pre, kwargs"), with_kwargs=True),
        module.register_forward_pre_hook(log.hook("pre, first"), prepend=True),
        module.register_forward_hook(log.hook("post")),
        module.register_forward_hook(log.hook("post, kwargs"), with_kwargs=True),
        module.register_forward_hook(log.hook("post, first"), prepend=True),
        module.register_forward_hook(log.hook("always"), always_call=True),
    ]
    log.attempt(lambda: module(1, y=2))
    log.append("and with an error")
    log.attempt(lambda: module("a", y=2))
    for handle in handles:
        handle.remove()
        handle.remove()
    log.attempt(lambda: module(1, y=2))


def answers(lib, log):
    module = adds(lib)
    for answer in ([5], (5,), 7):
        with module.register_forward_pre_hook(log.hook("pre", answer)):
            log.attempt(lambda: module(1))
    for answer in (((5,), {"y": 1}), [(5,), {"y": 1}], ((5,), {}, 3), 4):
        with module.register_forward_pre_hook(log.hook("pre, kwargs", answer), with_kwargs=True):
            log.attempt(lambda: module(1))
    with module.register_forward_hook(log.hook("post", 0)), module.register_forward_hook(log.hook("next")):
        log.attempt(lambda: module(1))


def errors(lib, log):
    module = adds(lib)
    with module.register_forward_hook(boom):
        log.attempt(lambda: module(1))
    with module.register_forward_hook(log.hook("x"), always_call=True), module.register_forward_pre_hook(boom):
        log.attempt(lambda: module(1))
    with module.register_forward_hook(boom, always_call=True):
        log.attempt(lambda: module(1))
        log.attempt(lambda: module("a", y=1))
    with (
        module.register_forward_hook(log.hook("before"), always_call=True),
        module.register_forward_hook(boom),
        module.register_forward_hook(log.hook("after"), always_call=True),
    ):
        log.attempt(lambda: module(1))


def two(lib):
    class Two(lib.nn.Module):
        def forward(self, a, b=None, as_dict=False):
            return {"out": a * 2} if as_dict else (a * 2, (a if b is None else b) * 3)

    return Two()


def backward(lib, log):
    hooks, module = lib.nn.modules.module, two(lib)
    handles = [
        hooks.register_module_full_backward_hook(log.hook("every")),
        hooks.register_module_full_backward_pre_hook(log.hook("every pre")),
        module.register_full_backward_hook(log.hook("post")),
        module.register_full_backward_hook(log.hook("post, first"), prepend=True),
        module.register_full_backward_pre_hook(log.hook("pre")),
        module.register_full_backward_pre_hook(log.hook("pre, first"), prepend=True),
    ]
    a = lib.ones(2, requires_grad=True)
    log.attempt(lambda: module(a, a * 2)[1].sum().backward())
    log.attempt(lambda: module(a, b=a * 2)[1].sum().backward())
    log.attempt(lambda: sum(module(a * 1)).sum().backward())
    log.attempt(lambda: module(a, as_dict=True)["out"].sum().backward())
    log.attempt(lambda: module(lib.ones(2)))
    log.attempt(lambda: module(lib.ones(2), a)[1].sum().backward())
    with lib.no_grad():
        log.attempt(lambda: module(a))
    for handle in handles:
        handle.remove()
    log.append(a.grad.tolist())


def backward_answers(lib, log):
    for pre in (False, True):
        for answer in ((None, None), (None, lib.ones(2)), (lib.ones(2) * 5, None), None):
            module = two(lib)
            name = "register_full_backward_pre_hook" if pre else "register_full_backward_hook"
            handle = getattr(module, name)(log.hook("hook", answer))
            a, b = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
            for part in (0, 1):
                log.attempt(lambda: module(a, b)[part].sum().backward())  # noqa: B023
            log.append((plain(a.grad), plain(b.grad)))
            handle.remove()


def unused_inputs(lib, log):
    class Second(lib.nn.Module):
        def forward(self, a, b):
            return b * 2

    for name in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        module = Second()
        a, b = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
        with getattr(module, name)(log.hook(name)):
            module(a, b).sum().backward()
        log.append((plain(a.grad), plain(b.grad)))


def states(lib, log):
    layer = lib.nn.Linear(2, 2)
    model = lib.nn.Sequential(layer)
    names = lambda value: list(value) if isinstance(value, dict) else value
    layer.register_state_dict_pre_hook(lambda m, *args: log.append(("save pre", args)))
    layer.register_state_dict_post_hook(lambda m, *args: log.append(("saved", [names(arg) for arg in args])))
    model.state_dict(prefix="q.")
    layer.register_load_state_dict_pre_hook(
        lambda m, *args: log.append(("load pre", m is layer, [names(arg) for arg in args]))
    )
    layer.register_load_state_dict_post_hook(lambda m, keys: log.append(("loaded", m is layer, repr(keys))))
    state = {"0.weight": lib.ones(2, 2)}
    log.attempt(lambda: repr(model.load_state_dict(state, strict=False)))
    with layer.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear()):
        log.attempt(lambda: repr(model.load_state_dict(state)))
    log.attempt(lambda: repr(copy.deepcopy(model).load_state_dict(state, strict=False)))
    with layer.register_load_state_dict_post_hook(lambda m, keys: 3):
        with pytest.raises(AssertionError):
            model.load_state_dict(state, strict=False)
    with layer.register_state_dict_post_hook(lambda m, state, *args: state):
        log.attempt(lambda: model.state_dict())


def registrations(lib, log):
    hooks = lib.nn.modules.module
    note = lambda tag: lambda m, name, value: log.append((tag, type(m).__name__, name, type(value).__name__))
    with (
        hooks.register_module_parameter_registration_hook(note("parameter")),
        hooks.register_module_buffer_registration_hook(note("buffer")),
        hooks.register_module_module_registration_hook(note("module")),
    ):
        model = lib.nn.Sequential(lib.nn.BatchNorm1d(2))
        model.q = lib.nn.Parameter(lib.ones(1))
        model.register_parameter("n", None)
        model.q = None
        model.register_buffer("b", None)
        model.b = lib.ones(1)
        model.z = lib.nn.Linear(1, 1, bias=False)
        model.z = None
    with hooks.register_module_parameter_registration_hook(lambda m, n, v: lib.nn.Parameter(lib.zeros(1))):
        model.q = lib.nn.Parameter(lib.ones(1))
    with hooks.register_module_module_registration_hook(lambda m, n, v: lib.nn.ReLU()):
        model.z = lib.nn.Linear(1, 1)
    with hooks.register_module_buffer_registration_hook(lambda m, n, v: lib.ones(3)):
        model.b = lib.ones(1)
        model.register_buffer("c", lib.ones(1))
    log.append((plain(model.q), repr(model.z), plain(model.b), plain(model.c)))


def paths(lib, log):
    model = lib.nn.Sequential(lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.BatchNorm1d(1)))
    model[0][0].weight.data = lib.ones(1, 1)
    for path in ("", "0", "0.0", "0.5", "0.0.weight", "nowhere.at.all"):
        log.attempt(lambda: repr(model.get_submodule(path)))  # noqa: B023
    for path in ("0.0.weight", "0.0", "weight", "0.1.running_mean", "0.0.other"):
        log.attempt(lambda: model.get_parameter(path).tolist())  # noqa: B023
        log.attempt(lambda: model.get_buffer(path).tolist())  # noqa: B023
    for path, module, strict in (
        ("0.0", lib.nn.ReLU(), True),
        ("0.new", lib.nn.Tanh(), False),
        ("0.newer", lib.nn.Tanh(), True),
        ("", lib.nn.ReLU(), False),
        ("a.b", lib.nn.ReLU(), False),
        ("0", 3, False),
    ):
        log.attempt(lambda: model.set_submodule(path, module, strict))  # noqa: B023
    log.append(repr(model))


def loading(lib, log):
    class Extra(lib.nn.Linear):
        def get_extra_state(self):
            return {"a": 1}

        def set_extra_state(self, state):
            log.append(("extra", state))

    module, weight = Extra(2, 2), lib.ones(2, 2, dtype=lib.float64)
    log.append(list(module.state_dict()))
    state = {"weight": weight, "bias": lib.zeros(2), "_extra_state": 5}
    log.attempt(lambda: repr(module.load_state_dict(state, assign=True)))
    log.append(
        (str(module.weight.dtype)[-7:], module.weight.requires_grad, module.weight.data_ptr() == weight.data_ptr())
    )
    log.attempt(lambda: module.load_state_dict({"weight": weight, "bias": weight}, assign=True, strict=False))
    log.attempt(lambda: repr(module.load_state_dict({"bias": lib.zeros(2), "other": weight}, strict=False)))
    log.attempt(lambda: lib.nn.Linear(2, 2).load_state_dict(state))
    log.attempt(lambda: lib.nn.Linear(2, 2).load_state_dict(3))
    norm, mean = lib.nn.BatchNorm1d(2), lib.ones(2)
    norm.load_state_dict({**norm.state_dict(), "running_mean": mean}, assign=True)
    log.append(norm.running_mean is mean)
    frozen = lib.nn.Linear(2, 2).requires_grad_(False)
    frozen.load_state_dict({"weight": lib.ones(2, 2), "bias": lib.nn.Parameter(lib.ones(2))}, assign=True)
    log.append([p.requires_grad for p in frozen.parameters()])


STORIES = [paths, loading, order, answers, errors, backward, backward_answers, unused_inputs, states, registrations]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_same_as_pytorch(story):
    torch = pytest.importorskip("torch")
    logs = Log(), Log()
    story(tl, logs[0])
    story(torch, logs[1])
    assert logs[0]
    for mine, other in zip(*logs, strict=True):
        assert mine == other


def test_copies_have_the_hooks_and_lose_them_alone():
    layer, log = nn.Linear(1, 1), Log()
    handle = layer.register_forward_pre_hook(log.hook("hook"), with_kwargs=True)
    clone = copy.deepcopy(layer)
    handle.remove()
    clone(tl.ones(1, 1))
    layer(tl.ones(1, 1))
    assert [entry[0] for entry in log] == ["hook"] and len(log[0][1]) == 2
    clone.register_forward_hook(nn.Identity())  # a hook that can be pickled
    clone._forward_pre_hooks.clear()
    again = pickle.loads(pickle.dumps(clone))
    assert list(again._forward_hooks) == list(clone._forward_hooks)


def test_old_states_get_the_hooks_that_were_not_there_yet():
    state = nn.Linear(1, 1).__getstate__()
    for name in list(state):
        if "hook" in name:
            del state[name]
    layer = nn.Linear.__new__(nn.Linear)
    layer.__setstate__(state)
    with layer.register_forward_hook(lambda m, a, out: out * 0, always_call=True):
        assert layer(tl.ones(1, 1)).item() == 0


def test_public_names_of_module_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    public = lambda cls: {name for name in dir(cls) if not name.startswith("_")}
    assert public(torch.nn.Module) - public(nn.Module) == {"T_destination"}  # a type variable
    hooks = {name for name in dir(torch.nn.modules.module) if name.startswith("register_")}
    assert hooks - set(dir(nn.modules.module)) == set()
    for name in public(torch.nn.Module) - {"T_destination", "dump_patches", "forward", "call_super_init"}:
        ours, theirs = (inspect.signature(getattr(lib.nn.Module, name)) for lib in (tl, torch))
        assert list(ours.parameters) == list(theirs.parameters), name
        for mine, other in zip(ours.parameters.values(), theirs.parameters.values(), strict=True):
            assert (mine.default, mine.kind) == (other.default, other.kind), (name, mine.name)


@pytest.mark.parametrize("name", ["cuda", "xpu", "ipu", "mtia"])
def test_other_devices_are_refused(name):
    with pytest.raises(RuntimeError, match=rf"on the CPU only.*Leave `.{name}\(\)` out"):
        getattr(nn.Linear(1, 1), name)()


def test_what_a_module_cannot_do_says_so():
    layer = nn.Linear(1, 1)
    assert layer.compile(mode="max-autotune") is None  # as it is, with the same results
    with pytest.raises(NotImplementedError, match="Send its state_dict"):
        layer.share_memory()
    with pytest.raises(NotImplementedError, match="Use register_module_full_backward_hook"):
        nn.modules.module.register_module_backward_hook(print)
