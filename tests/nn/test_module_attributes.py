"""Registering parameters, buffers and modules: every way in, every way out, and PyTorch's messages."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import weakref
from collections import OrderedDict

import pytest

import tapeless as tl
from tapeless import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(tl.ones(2, 3))
        self.register_buffer("mean", tl.zeros(3))
        self.register_buffer("scratch", tl.zeros(1), persistent=False)
        self.inner = nn.Identity()
        self.plain = 5

    def forward(self, x):
        return x


class Adds(nn.Module):
    """Picklable: hooks and lambdas in tests are not."""

    def forward(self, x, *, y=0):
        return x + y


def test_attributes_are_registered_by_kind():
    module = Small()
    assert list(module._parameters) == ["weight"]
    assert list(module._buffers) == ["mean", "scratch"]
    assert list(module._modules) == ["inner"]
    assert module.plain == 5 and module.training


def test_registered_names_are_plain_attributes():
    module = Small()
    for registry in (module._parameters, module._buffers, module._modules):
        for name, value in registry.items():
            assert module.__dict__[name] is value is getattr(module, name)


def test_replacing_and_deleting():
    module = Small()
    new = nn.Parameter(tl.zeros(1))
    module.weight = new
    assert module.weight is new is module._parameters["weight"]
    module.weight = None
    assert module.weight is None and list(module.parameters()) == []
    del module.weight, module.mean, module.inner
    for name in ("weight", "mean", "inner"):
        assert not hasattr(module, name) and name not in module.__dict__
    with pytest.raises(AttributeError, match="'Small' object has no attribute 'weight'"):
        module.weight
    with pytest.raises(AttributeError, match="weight"):
        del module.weight


@pytest.mark.parametrize(
    "change",
    [
        lambda d, p: d.__setitem__("weight", p),
        lambda d, p: d.update(weight=p),
        lambda d, p: d.update({"weight": p}),
        lambda d, p: d.__ior__({"weight": p}),
        lambda d, p: (d.pop("weight"), d.setdefault("weight", p)),
        lambda d, p: (d.popitem(), d.setdefault("weight", p)),
        lambda d, p: (d.clear(), d.update([("weight", p)])),
    ],
)
def test_writing_into_the_registry_changes_the_attribute(change):
    module, new = Small(), nn.Parameter(tl.zeros(1))
    change(module._parameters, new)
    assert module.weight is new and dict(module._parameters) == {"weight": new}


@pytest.mark.parametrize("remove", [dict.__delitem__.__name__, "pop"])
def test_removing_from_the_registry_removes_the_attribute(remove):
    module = Small()
    getattr(module._parameters, remove)("weight")
    assert not hasattr(module, "weight")
    assert module._parameters.pop("weight", 7) == 7
    with pytest.raises(KeyError):
        module._parameters.pop("weight")
    with pytest.raises(KeyError):
        module._parameters.popitem()


def test_a_registry_can_be_replaced():
    module, new = Small(), nn.Parameter(tl.zeros(1))
    module._parameters = OrderedDict(bias=new)
    assert module.bias is new and not hasattr(module, "weight")
    module._parameters["bias"] = None
    assert module.bias is None


def test_changing_the_kind_of_an_attribute():
    module = Small()
    module.plain = nn.Parameter(tl.ones(1))
    assert "plain" in module._parameters
    module.inner = nn.Parameter(tl.ones(1))
    assert "inner" in module._parameters and "inner" not in module._modules
    module.mean = nn.Identity()
    assert "mean" in module._modules and "mean" not in module._buffers
    module.scratch = nn.Parameter(tl.ones(1))
    assert module._non_persistent_buffers_set == set()
    assert {"plain", "inner", "mean", "scratch"} <= set(module.__dict__)


def test_class_attributes_win_over_registered_names():
    class WithProperty(nn.Module):
        @property
        def weight(self):
            return "computed"

    module = WithProperty()
    module._parameters["weight"] = nn.Parameter(tl.ones(1))
    assert module.weight == "computed"


def test_buffers():
    module = Small()
    module.mean = tl.ones(3)
    assert module._buffers["mean"] is module.mean
    module.extra = nn.Buffer(tl.ones(2), persistent=False)
    assert "extra" in module._buffers and "extra" in module._non_persistent_buffers_set
    module.mean = None
    assert list(dict(module.named_buffers())) == ["scratch", "extra"]
    assert list(module.state_dict()) == ["weight"]


def raised(action):
    with pytest.raises(Exception) as info:
        action()
    return type(info.value), str(info.value)


def mistakes(torch):
    """Return, by name, what goes wrong in the library that is passed as ``torch``."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.ones(1))
    module.child = torch.nn.Identity()
    module.register_buffer("mean", torch.ones(1))
    computed = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    computed.mul_(torch.ones(1, requires_grad=True))

    class Other(torch.nn.Module):
        pass

    class Early(torch.nn.Module):
        def __init__(self, make):
            self.early = make()

    class EarlyCall(torch.nn.Module):
        def __init__(self, act):
            act(self)

    return {
        "tensor as parameter": lambda: setattr(module, "weight", torch.ones(1)),
        "number as parameter": lambda: setattr(module, "weight", 3),
        "module as parameter": lambda: setattr(module, "weight", Other()),
        "number as module": lambda: setattr(module, "child", 3),
        "number as buffer": lambda: setattr(module, "mean", 3),
        "missing": lambda: module.missing,
        "delete missing": lambda: delattr(module, "missing"),
        "register tensor": lambda: module.register_parameter("w", torch.ones(1)),
        "register number": lambda: module.register_parameter("w", 3),
        "register non-leaf": lambda: module.register_parameter("w", computed),
        "parameter name taken": lambda: module.register_parameter("child", None),
        "parameter name dotted": lambda: module.register_parameter("a.b", None),
        "parameter name empty": lambda: module.register_parameter("", None),
        "parameter name number": lambda: module.register_parameter(3, None),
        "buffer of number": lambda: module.register_buffer("b", 3),
        "buffer name taken": lambda: module.register_buffer("weight", None),
        "buffer name dotted": lambda: module.register_buffer("a.b", None),
        "module of number": lambda: module.add_module("m", 3),
        "module name taken": lambda: module.add_module("weight", None),
        "module name dotted": lambda: module.add_module("a.b", None),
        "module name empty": lambda: module.add_module("", None),
        "module name number": lambda: module.add_module(3, None),
        "parameter before init": lambda: Early(lambda: torch.nn.Parameter(torch.ones(1))),
        "module before init": lambda: Early(torch.nn.Identity),
        "register parameter before init": lambda: EarlyCall(lambda m: m.register_parameter("w", None)),
        "register buffer before init": lambda: EarlyCall(lambda m: m.register_buffer("w", None)),
        "no forward": lambda: module(1),
        "submodule missing": lambda: module.get_submodule("child.deeper"),
        "submodule is parameter": lambda: module.get_submodule("weight"),
        "parameter missing": lambda: module.get_parameter("child.weight"),
        "parameter is module": lambda: module.get_parameter("child"),
        "buffer missing": lambda: module.get_buffer("absent"),
        "buffer is parameter": lambda: module.get_buffer("weight"),
        "train with number": lambda: module.train(1),
        "unexpected keyword": lambda: torch.nn.Module(size=3),
        "unexpected argument": lambda: torch.nn.Module(3),
        "set_submodule empty": lambda: module.set_submodule("", torch.nn.Identity()),
        "set_submodule strict": lambda: module.set_submodule("absent", torch.nn.Identity(), strict=True),
        "set_submodule over parameter": lambda: module.set_submodule("weight", torch.nn.Identity()),
    }


@pytest.mark.parametrize("name", mistakes(tl))
def test_mistakes_raise_the_errors_of_pytorch(name):
    torch = pytest.importorskip("torch")
    expected_type, expected = raised(mistakes(torch)[name])
    actual_type, actual = raised(mistakes(tl)[name])
    assert actual_type is expected_type
    assert actual.startswith(expected)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "tensor as parameter",
            TypeError,
            "as parameter 'weight' (torch.nn.Parameter or None expected). Wrap it, `nn.Parameter(tensor)`",
        ),
        ("number as module", TypeError, "cannot assign 'int' as child module 'child'"),
        ("number as buffer", TypeError, "cannot assign 'int' as buffer 'mean'"),
        ("missing", AttributeError, "'Module' object has no attribute 'missing'"),
        ("register non-leaf", ValueError, "Cannot assign non-leaf Tensor to parameter 'w'"),
        ("parameter name taken", KeyError, "attribute 'child' already exists"),
        ("module name dotted", KeyError, "got: a.b"),
        ("module of number", TypeError, "int is not a Module subclass"),
        ("parameter before init", AttributeError, "cannot assign parameters before Module.__init__() call"),
        ("module before init", AttributeError, "cannot assign module before Module.__init__() call"),
        ("no forward", NotImplementedError, 'Module [Module] is missing the required "forward" function'),
        ("submodule missing", AttributeError, "Identity has no attribute `deeper`"),
        ("train with number", ValueError, "training mode is expected to be boolean, but got 1"),
    ],
)
def test_mistakes_raise_clear_errors(name, error, message):
    with pytest.raises(error, match=re.escape(message)):
        mistakes(tl)[name]()


def test_walking():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.Sequential(shared, nn.Linear(2, 1)))
    assert [name for name, _ in model.named_modules()] == ["", "0", "1", "1.1"]
    assert [name for name, _ in model.named_modules(remove_duplicate=False)] == ["", "0", "1", "1.0", "1.1"]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 6
    assert next(model.named_parameters("net"))[0] == "net.0.weight"
    assert list(model.parameters(recurse=False)) == []
    assert [name for name, _ in nn.Sequential(shared, shared).named_children()] == ["0"]
    assert model.get_submodule("1.1") is model[1][1]
    assert model.get_submodule("") is model
    assert model.get_parameter("1.0.bias") is shared.bias
    model.set_submodule("1.1", nn.Identity())
    assert isinstance(model[1][1], nn.Identity)


def test_apply_visits_children_first_and_returns_the_module():
    model, seen = nn.Sequential(nn.Linear(1, 1), nn.ReLU()), []
    assert model.apply(seen.append) is model
    assert seen == [model[0], model[1], model]


def test_train_and_eval():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    assert model.eval() is model and not any(m.training for m in model.modules())
    assert model.train() is model and all(m.training for m in model.modules())


def test_freezing():
    model = nn.Linear(2, 2)
    assert model.requires_grad_(False) is model
    assert not any(p.requires_grad for p in model.parameters())


def test_zero_grad():
    model = nn.Linear(2, 1)
    model(tl.ones(3, 2)).sum().backward()
    assert model.weight.grad is not None
    model.zero_grad(set_to_none=False)
    assert model.weight.grad.tolist() == [[0.0, 0.0]]
    model.zero_grad()
    assert model.weight.grad is None


def test_deepcopy_and_pickle_are_independent():
    module = Small()
    for clone in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert clone.weight is not module.weight
        assert isinstance(clone.weight, nn.Parameter) and clone.weight.requires_grad
        assert clone.__dict__["weight"] is clone._parameters["weight"]
        assert clone._non_persistent_buffers_set == {"scratch"}
        clone._parameters["weight"] = None
        assert clone.weight is None and module.weight is not None


def test_copy_shares_the_registries_as_in_pytorch():
    module = Small()
    twin = copy.copy(module)
    new = nn.Parameter(tl.zeros(1))
    twin.weight = new
    assert module.weight is new and twin.weight is new


def test_shared_parameters_stay_shared_in_a_deepcopy():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    clone = copy.deepcopy(model)
    assert clone[0].weight is clone[1].weight


def test_state_restored_without_setstate_still_works():
    class OwnState(nn.Linear):
        def __getstate__(self):
            return self.__dict__.copy()

        def __setstate__(self, state):
            self.__dict__.update(state)

    clone = copy.deepcopy(OwnState(2, 2))
    clone.weight = nn.Parameter(tl.zeros(1))
    assert clone.weight is clone._parameters["weight"]
    del clone.bias
    assert not hasattr(clone, "bias")


def test_modules_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        refs = [weakref.ref(model), weakref.ref(model[0]), weakref.ref(model[0].weight)]
        del model
        assert [ref() for ref in refs] == [None, None, None]
    finally:
        gc.enable()


def test_dir_lists_registered_names_but_no_numbers():
    model = nn.Sequential(nn.Linear(1, 1))
    assert "0" not in dir(model) and "training" in dir(model)
    assert {"weight", "mean", "inner", "forward"} <= set(dir(Small()))


def test_call_passes_keywords():
    assert Adds()(1, y=2) == 3


def test_call_super_init():
    class Mixin:
        def __init__(self, size):
            self.size = size

    class Both(nn.Module, Mixin):
        call_super_init = True

        def __init__(self, size):
            super().__init__(size)

    assert Both(3).size == 3
