"""Parametrizations of a user's own: classes, state dicts, assignment, removal, and PyTorch's errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn.utils import parametrize


def classes(lib):
    """The modules that the stories use, in either library."""

    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, a):
            return a.triu()

    class Exp(lib.nn.Module):
        def forward(self, x):
            return x.exp()

    class Sum(lib.nn.Module):
        def forward(self, a, b):
            return a + 2 * b

        def right_inverse(self, a):
            return a / 3, a / 3

    return Symmetric, Exp, Sum


def plain(value):
    return np.asarray(value.detach().numpy()).tolist()


def one_tensor(lib):
    parametrize = lib.nn.utils.parametrize
    symmetric, exp, _ = classes(lib)
    layer = lib.nn.Linear(3, 3)
    assert parametrize.register_parametrization(layer, "weight", symmetric()) is layer
    yield repr(layer)
    yield type(layer).__name__, type(layer).__bases__[0].__name__
    yield list(layer.state_dict()), [n for n, _ in layer.named_parameters()], list(layer._parameters)
    yield plain(layer.weight), isinstance(layer.weight, lib.nn.Parameter)
    layer(lib.ones(2, 3)).sum().backward()
    yield plain(layer.parametrizations.weight.original.grad)
    parametrize.register_parametrization(layer, "weight", exp())
    yield repr(layer), plain(layer.weight)
    kept = layer.parametrizations.weight.original
    parametrize.remove_parametrizations(layer, "weight")
    yield layer.weight is kept, plain(layer.weight), type(layer).__name__, list(layer.state_dict())


def assignment(lib):
    parametrize = lib.nn.utils.parametrize
    symmetric, exp, _ = classes(lib)
    layer = parametrize.register_parametrization(lib.nn.Linear(3, 3), "weight", symmetric())
    with lib.no_grad():
        layer.weight = lib.arange(9.0).reshape(3, 3)
    yield plain(layer.parametrizations.weight.original), plain(layer.weight)
    parametrize.register_parametrization(layer, "bias", exp())
    yield list(layer.state_dict())
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    yield type(layer).__name__, plain(layer.weight), list(layer.state_dict())
    parametrize.remove_parametrizations(layer, "bias")
    yield type(layer).__name__, plain(layer.bias), list(layer.state_dict())


def several_tensors(lib):
    parametrize = lib.nn.utils.parametrize
    layer = parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", classes(lib)[2]())
    entries = layer.parametrizations.weight
    yield list(layer.state_dict()), entries.is_tensor, entries.ntensors, entries.unsafe
    first = entries.original0
    layer.weight = lib.ones(2, 2)
    yield entries.original0 is first, plain(first), plain(layer.weight)
    layer(lib.ones(1, 2)).sum().backward()
    yield plain(entries.original0.grad), plain(entries.original1.grad)
    parametrize.remove_parametrizations(layer, "weight")
    yield isinstance(layer.weight, lib.nn.Parameter), plain(layer.weight), repr(layer)


def buffers(lib):
    parametrize = lib.nn.utils.parametrize
    norm = lib.nn.BatchNorm1d(3)
    parametrize.register_parametrization(norm, "running_mean", classes(lib)[1](), unsafe=True)
    yield list(norm.state_dict()), [n for n, _ in norm.named_buffers()], repr(norm)
    norm.eval()
    yield plain(norm(lib.ones(2, 3)))
    parametrize.remove_parametrizations(norm, "running_mean")
    yield list(norm.state_dict()), plain(norm.running_mean)


def questions(lib):
    parametrize = lib.nn.utils.parametrize
    layer = lib.nn.Linear(2, 2)
    yield parametrize.is_parametrized(layer), parametrize.type_before_parametrizations(layer) is lib.nn.Linear
    parametrize.register_parametrization(layer, "weight", classes(lib)[1]())
    yield [parametrize.is_parametrized(layer, name) for name in (None, "weight", "bias", "other")]
    yield parametrize.type_before_parametrizations(layer) is lib.nn.Linear
    with parametrize.cached():
        first = layer.weight
        with parametrize.cached():
            assert layer.weight is first
        yield layer.weight is first
    yield layer.weight is first


def transfers(lib):
    parametrize = lib.nn.utils.parametrize
    symmetric, _, both = classes(lib)
    source, target, other = [lib.nn.Linear(3, 3) for _ in range(3)]
    parametrize.register_parametrization(source, "weight", symmetric())
    yield parametrize.transfer_parametrizations_and_params(source, target) is target
    yield target.parametrizations.weight.original is source.parametrizations.weight.original
    yield repr(target), list(target.state_dict()), plain(target.weight)
    parametrize.register_parametrization(source, "bias", both())
    parametrize.transfer_parametrizations_and_params(source, other, "bias")
    yield list(other.state_dict()), plain(other.bias)
    bare = lib.nn.Linear(3, 3)
    yield parametrize.transfer_parametrizations_and_params(bare, other) is other


def state_dicts(lib):
    parametrize = lib.nn.utils.parametrize
    made = [parametrize.register_parametrization(lib.nn.Linear(3, 3), "weight", classes(lib)[0]()) for _ in range(2)]
    made[0].load_state_dict(made[1].state_dict())
    yield plain(made[0].weight)
    made[0].double()
    yield str(made[0].weight.dtype).removeprefix("torch.")
    made[0].eval()
    yield made[0].parametrizations.weight[0].training


STORIES = [one_tensor, assignment, several_tensors, buffers, questions, transfers, state_dicts]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_same_as_pytorch(story):
    torch = pytest.importorskip("torch")
    told = []
    for lib in (tl, torch):
        lib.manual_seed(0)
        told.append([entry if isinstance(entry, tuple) else (entry,) for entry in story(lib)])
    for ours, theirs in zip(*told, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            if isinstance(other, list) and not isinstance(np.array(other).flat[0], str):
                np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)
            else:
                assert mine == other


def identity_with(lib, forward=None, inverse=None):
    """A parametrization that does nothing but what it is told to do wrong."""

    class Identity(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.change = self.change_back = None

        def forward(self, x):
            return self.change(x) if self.change else x

        def right_inverse(self, x):
            return self.change_back(x) if self.change_back else x

    made = Identity()
    made.change, made.change_back = forward, inverse
    return made


def register(lib, layer, parametrization, name="weight", **options):
    lib.nn.utils.parametrize.register_parametrization(layer, name, parametrization, **options)


def on_two(lib, inverse):
    """Assign to a tensor that is made of two, with an inverse that is wrong only then."""
    layer = lib.nn.Linear(2, 2)
    module = classes(lib)[2]()
    register(lib, layer, module)
    type(module).right_inverse = lambda self, x: inverse(x)
    layer.weight = lib.ones(2, 2)


def on_one(lib, inverse):
    layer, module = lib.nn.Linear(2, 2), identity_with(lib)
    register(lib, layer, module)
    module.change_back = inverse
    layer.weight = lib.ones(2, 2)


def behind_another(lib, **wrong):
    layer = lib.nn.Linear(2, 2)
    register(lib, layer, identity_with(lib))
    register(lib, layer, identity_with(lib, **wrong))


WRONG = {
    "no such name": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib), "other"),
    "no list": lambda lib: lib.nn.utils.parametrize.ParametrizationList([], lib.nn.Parameter(lib.ones(1))),
    "shape": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, lambda x: x[0])),
    "dtype": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, lambda x: x.double())),
    "no tensor": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, lambda x: 3)),
    "inverse: no tensor": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, inverse=lambda x: 3)),
    "inverse: dtype": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, inverse=lambda x: x.double())),
    "inverse: dtype, unsafe": lambda lib: register(
        lib, lib.nn.Linear(2, 2), identity_with(lib, inverse=lambda x: x.double()), unsafe=True
    ),
    "inverse: element": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, inverse=lambda x: (3, x))),
    "inverse: shape": lambda lib: register(lib, lib.nn.Linear(2, 2), identity_with(lib, inverse=lambda x: x[0])),
    "second: shape": lambda lib: behind_another(lib, forward=lambda x: x[0]),
    "second: dtype": lambda lib: behind_another(lib, forward=lambda x: x.double()),
    "second: no tensor": lambda lib: behind_another(lib, forward=lambda x: 3),
    "second, inverse: no tensor": lambda lib: behind_another(lib, inverse=lambda x: 3),
    "second, inverse: tuple": lambda lib: behind_another(lib, inverse=lambda x: (x, x)),
    "second, inverse: dtype": lambda lib: behind_another(lib, inverse=lambda x: x.double()),
    "second, inverse: shape": lambda lib: behind_another(lib, inverse=lambda x: x[0]),
    "assign: no inverse": lambda lib: (
        layer := lib.nn.Linear(2, 2),
        register(lib, layer, classes(lib)[1]()),
        setattr(layer, "weight", lib.ones(2, 2)),
    ),
    "assign: a parameter": lambda lib: (
        layer := lib.nn.Linear(2, 2),
        register(lib, layer, identity_with(lib)),
        setattr(layer, "weight", lib.nn.Parameter(lib.ones(2, 2))),
    ),
    "assign: no tensor": lambda lib: on_one(lib, lambda x: 3),
    "assign: dtype": lambda lib: on_one(lib, lambda x: x.double()),
    "assign to two: no sequence": lambda lib: on_two(lib, lambda x: 3),
    "assign to two: one tensor": lambda lib: on_two(lib, lambda x: x),
    "assign to two: too few": lambda lib: on_two(lib, lambda x: (x,)),
    "assign to two: dtype": lambda lib: on_two(lib, lambda x: (x, x.double())),
    "remove nothing": lambda lib: lib.nn.utils.parametrize.remove_parametrizations(lib.nn.Linear(2, 2), "weight"),
    "remove several": lambda lib: (
        layer := lib.nn.Linear(2, 2),
        register(lib, layer, classes(lib)[2]()),
        lib.nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False),
    ),
    "transfer nothing": lambda lib: (
        layer := lib.nn.Linear(2, 2),
        register(lib, layer, identity_with(lib)),
        lib.nn.utils.parametrize.transfer_parametrizations_and_params(layer, lib.nn.Linear(2, 2), "bias"),
    ),
    "pickle": lambda lib: (layer := lib.nn.Linear(2, 2), register(lib, layer, identity_with(lib)), pickle.dumps(layer)),
    "delete": lambda lib: (
        layer := lib.nn.Linear(2, 2),
        register(lib, layer, identity_with(lib)),
        delattr(layer, "weight"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_raise_the_errors_of_pytorch(name):
    raised = []
    for lib in (tl, pytest.importorskip("torch")):
        with pytest.raises(Exception) as caught:
            WRONG[name](lib)
        raised.append((caught.type, str(caught.value)))
    (kind, text), (expected_kind, expected) = raised
    assert kind is expected_kind
    if name != "delete":  # Python's own words, of a slot here and of a property there
        assert text.startswith(expected.split("\n")[0])
    if "shape" in name or "dtype" in name:
        assert text == expected


def test_a_refused_parametrization_leaves_the_module_as_it_was():
    layer = nn.Linear(2, 2)
    before = layer.weight.tolist()
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(layer, "weight", identity_with(tl, inverse=lambda x: x[0]))
    assert layer.weight.tolist() == before and type(layer) is nn.Linear


def test_deep_copies_are_independent():
    """In PyTorch they share a class, so that removing from one breaks the other."""
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", identity_with(tl))
    clone = copy.deepcopy(layer)
    assert type(clone) is type(layer)
    assert clone.parametrizations.weight.original is not layer.parametrizations.weight.original
    parametrize.remove_parametrizations(clone, "weight")
    with tl.no_grad():
        clone.weight.zero_()
    assert layer.weight.abs().sum() > 0
    model = copy.deepcopy(nn.ModuleList([layer, layer]))
    assert model[0] is model[1] and model[0] is not layer


def test_training_goes_through_the_originals():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", classes(tl)[0]())
    optimizer = tl.optim.Adam(layer.parameters(), lr=0.1)
    x = tl.eye(3)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (layer(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert tl.equal(layer.weight, layer.weight.T)
    assert losses[-1] < losses[0] / 2
