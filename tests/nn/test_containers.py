"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import tapeless as tl
from tapeless import nn


def tanhs(count):
    return [nn.Tanh() for _ in range(count)]


def test_sequential_runs_in_order():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    x = tl.ones(4, 2)
    assert nn.Sequential(first, second)(x).tolist() == second(first(x)).tolist()
    assert nn.Sequential()(5) == 5


def test_sequential_is_a_list():
    a, b, c, d = modules = tanhs(4)
    model = nn.Sequential(*modules)
    assert len(model) == 4 and list(model) == modules
    assert model[0] is a and model[-1] is d and list(model[1:3]) == [b, c]
    del model[1]
    assert list(model) == [a, c, d] and list(model._modules) == ["0", "1", "2"]
    assert model.__dict__["2"] is d and "3" not in model.__dict__
    model[1] = b
    assert model.append(c).insert(0, d) is model
    assert list(model) == [d, a, b, d, c]
    assert model.pop(0) is d and list(model) == [a, b, d, c]
    assert list(model + nn.Sequential(a)) == [a, b, d, c, a]
    assert list(nn.Sequential(a) * 2) == [a, a] == list(2 * nn.Sequential(a))
    twice = nn.Sequential(a, b)
    twice *= 2
    twice += nn.Sequential(c)
    assert list(twice) == [a, b, a, b, c]
    del twice[1:3]
    assert list(twice) == [a, b, c]


def test_named_sequential():
    model = nn.Sequential(OrderedDict(one=nn.Tanh(), two=nn.ReLU()))
    assert model.one is model[0] and list(model[1:]._modules) == ["two"]


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda m: m[3], IndexError, "index 3 is out of range"),
        (lambda m: m + [1], ValueError, "add operator supports only objects of Sequential class"),
        (lambda m: m * "2", TypeError, "unsupported operand"),
        (lambda m: m * 0, ValueError, "Non-positive multiplication factor 0"),
        (lambda m: m.insert(9, nn.Tanh()), IndexError, "Index out of range: 9"),
        (lambda m: m.insert(0, 1), AssertionError, "module should be of type"),
        (lambda m: m.append(1), TypeError, "int is not a Module subclass"),
    ],
)
def test_sequential_mistakes(action, error, message):
    with pytest.raises(error, match=message):
        action(nn.Sequential(nn.Tanh()))


def test_module_list():
    a, b, c = tanhs(3)
    modules = nn.ModuleList([a, b])
    assert modules.append(c) is modules and list(modules) == [a, b, c]
    modules += [a]
    assert list(modules + [b]) == [a, b, c, a, b]
    assert isinstance(modules[1:], nn.ModuleList) and list(modules[::2]) == [a, c]
    modules.insert(1, c)
    del modules[0]
    modules[-1] = b
    assert list(modules) == [c, b, c, b]
    assert modules.pop(0) is c and len(modules) == 3
    with pytest.raises(TypeError, match="ModuleList.extend should be called with an iterable, but got int"):
        modules.extend(3)
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        modules(1)


def test_module_dict():
    a, b = tanhs(2)
    modules = nn.ModuleDict({"a": a})
    modules.update([("b", b)])
    modules.update(nn.ModuleDict({"c": a}))
    assert list(modules) == ["a", "b", "c"] and modules["b"] is b and "c" in modules
    assert modules.pop("a") is a and list(modules.keys()) == ["b", "c"]
    del modules["c"]
    assert list(modules.items()) == [("b", b)] and list(modules.values()) == [b]
    assert modules.b is b
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        modules["keys"] = a
    with pytest.raises(TypeError, match="iterable of key/value pairs, but got int"):
        modules.update(3)
    with pytest.raises(ValueError, match="#0 has length 1; 2 is required"):
        modules.update([("x",)])
    modules.clear()
    assert len(modules) == 0 and not hasattr(modules, "b")


def test_parameter_list():
    p = nn.Parameter(tl.ones(2, 3))
    params = nn.ParameterList([p, tl.zeros(3), 5])
    assert params[0] is p and isinstance(params[1], nn.Parameter) and params[-1] == 5
    assert [name for name, _ in params.named_parameters()] == ["0", "1"]
    assert len(params[:2]) == 2 and isinstance(params[:2], nn.ParameterList)
    params += [tl.ones(1)]
    params[1] = tl.ones(1)
    assert len(params) == 4 and params[1].tolist() == [1.0]
    assert repr(params[:2]).splitlines()[1] == "    (0): Parameter containing: [torch.float32 of size 2x3]"
    with pytest.raises(TypeError, match="but got Tensor"):
        params.extend(tl.ones(2))
    with pytest.raises(RuntimeError, match="should not be called"):
        params(1)
    with pytest.raises(IndexError, match="index 4 is out of range"):
        params[4]


def test_parameter_dict():
    params = nn.ParameterDict({"b": tl.ones(1), "a": tl.zeros(2)})
    assert list(params) == ["a", "b"], "a plain dict is sorted"
    assert isinstance(params["b"], nn.Parameter)
    params.update(OrderedDict(z=tl.ones(1), c=3))
    assert list(params) == ["a", "b", "z", "c"] and list(reversed(params)) == ["c", "z", "b", "a"]
    assert params.popitem() == ("c", 3) and params.get("c", 4) == 4
    assert params.setdefault("n", None) is None and "n" in params
    assert params.pop("n") is None and "n" not in params
    merged = params | {"x": tl.ones(1)}
    assert list(merged) == ["a", "b", "z", "x"] and "x" not in params
    assert merged["a"] is params["a"]
    assert list(params.fromkeys(["p", "q"], 1).items()) == [("p", 1), ("q", 1)]
    del params["a"]
    assert [name for name, _ in params.named_parameters()] == ["b", "z"]
    with pytest.raises(TypeError, match="not a string \\(type is 'int'\\)"):
        params[1] = tl.ones(1)
    with pytest.raises(RuntimeError, match="should not be called"):
        params(1)
    params.clear()
    assert len(params) == 0
    with pytest.raises(KeyError):
        params.popitem()


def zoo(lib):
    """Return modules whose reprs are compared."""
    nn = lib.nn

    class TwoLines(nn.Module):
        def extra_repr(self):
            return "one\ntwo"

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Identity()
            self.empty = None
            self.register_module("gone", None)

        def extra_repr(self):
            return "size=3"

    return [
        nn.Identity(),
        nn.Sequential(),
        nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())),
        nn.ModuleList(),
        nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU(), nn.Sequential(nn.ReLU()), nn.ReLU()]),
        nn.ModuleDict({"a": nn.ReLU()}),
        nn.ParameterList([lib.zeros(2, 3), 5]),
        nn.ParameterDict({"a": lib.zeros(2, 3), "b": lib.zeros(()), "c": "text"}),
        TwoLines(),
        Mixed(),
        nn.Sequential(Mixed(), TwoLines()),
    ]


def test_reprs_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(zoo(tl), zoo(torch), strict=True):
        assert repr(ours) == repr(theirs)
