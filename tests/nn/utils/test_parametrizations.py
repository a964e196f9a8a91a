"""Orthogonal matrices, weight norm and spectral norm beside PyTorch: from the same seed the same values and gradients.

The newer and the older kinds (hooks before each call) are told the same stories.
"""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

LAYERS = {
    "wide": (lambda lib: lib.nn.Linear(5, 3, dtype=lib.float64), (4, 5)),
    "tall": (lambda lib: lib.nn.Linear(3, 5, dtype=lib.float64), (4, 3)),
    "square": (lambda lib: lib.nn.Linear(4, 4, dtype=lib.float64), (2, 4)),
    "conv": (lambda lib: lib.nn.Conv2d(2, 4, (3, 2), dtype=lib.float64), (1, 2, 5, 5)),
    "transposed": (lambda lib: lib.nn.ConvTranspose1d(4, 3, 3, dtype=lib.float64), (2, 4, 6)),
    "complex": (lambda lib: lib.nn.Linear(3, 4, dtype=lib.complex128), (2, 3)),
}


def gradients_and_values(lib, layer, shape):
    """One training step's worth of numbers, then one in evaluation mode."""
    x = lib.linspace(-1, 1, int(np.prod(shape)), dtype=lib.float64).reshape(shape)
    if layer.bias.is_complex():
        x = x * (1 + 2j)
    numbers = {}
    for mode in ("train", "eval"):
        getattr(layer, mode)()
        layer.zero_grad()
        out = layer(x)
        (out.abs() ** 3).sum().backward()
        numbers |= {f"{mode} output": out, f"{mode} weight": layer.weight}
        numbers |= {f"{mode} gradient of {n}": p.grad for n, p in layer.named_parameters() if p.grad is not None}
        numbers |= {f"{mode} state {n}": t for n, t in layer.state_dict().items()}
    numbers = {name: value.detach().numpy().copy() for name, value in numbers.items()}
    return numbers | {"stream": lib.rand(3).numpy()}


def compare(tell, tolerance=1e-9):
    """Tell a story in both libraries, from the same seed, and compare numbers by name."""
    torch = pytest.importorskip("torch")
    told = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weight_norm. is deprecated", FutureWarning)
        for lib in (tl, torch):
            lib.manual_seed(3)
            told.append(tell(lib))
    ours, theirs = told
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("trivial", [True, False], ids=["base", "no base"])
@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("name", LAYERS)
def test_orthogonal(name, kind, trivial):
    make, shape = LAYERS[name]
    if name == "complex" and kind == "householder":
        pytest.skip("complex reflections are refused, see test_errors")

    def tell(lib):
        layer = lib.nn.utils.parametrizations.orthogonal(make(lib), orthogonal_map=kind, use_trivialization=trivial)
        first = {"first weight": layer.weight.detach().numpy()}
        with lib.no_grad():  # away from the base, where all maps agree
            for i, p in enumerate(layer.parametrizations.parameters()):
                p += lib.sin(lib.arange(p.numel(), dtype=lib.float64) + i).reshape(p.shape) / 2
                if kind == "householder" or (kind is None and name != "square" and name != "complex"):
                    p.diagonal(dim1=-2, dim2=-1).sign_()
        return first | gradients_and_values(lib, layer, shape)

    compare(tell, 1e-7)


def test_orthogonal_matrices_are_orthogonal():
    for kind in ("matrix_exp", "cayley", "householder"):
        layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 6, dtype=tl.float64), orthogonal_map=kind)
        with tl.no_grad():
            layer.parametrizations.weight.original.copy_(-tl.eye(6, 3, dtype=tl.float64) + tl.randn(6, 3).tril(-1))
        q = layer.weight
        np.testing.assert_allclose((q.mT @ q).detach().numpy(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("trivial", [True, False], ids=["base", "no base"])
def test_assigning_orthogonal_matrices(trivial):
    def tell(lib):
        layer = lib.nn.Linear(4, 4, dtype=lib.float64)
        lib.nn.utils.parametrizations.orthogonal(layer, orthogonal_map="householder", use_trivialization=trivial)
        value = lib.nn.init.orthogonal_(lib.empty(4, 4, dtype=lib.float64))
        layer.weight = value
        assert np.allclose(layer.weight.detach().numpy(), value.numpy())
        layer.weight = value * 2  # not orthogonal: brought back
        return {"weight": layer.weight.detach().numpy()} | {k: v.numpy() for k, v in layer.state_dict().items()}

    compare(tell)


NORMS = {"weight": {}, "weight, all": {"dim": None}, "weight, 1": {"dim": 1}, "spectral": {}, "spectral, 1": {"dim": 1}}
NORMS["spectral, 3 steps"] = {"n_power_iterations": 3, "eps": 1e-5}


def norm_of(lib, name, newer):
    place = lib.nn.utils.parametrizations if newer else lib.nn.utils
    return getattr(place, f"{name.split(',')[0]}_norm")


@pytest.mark.parametrize("newer", [True, False], ids=["newer", "older"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["wide", "conv", "transposed"])
def test_norms(name, norm, newer):
    make, shape = LAYERS[name]

    def tell(lib):
        layer = norm_of(lib, norm, newer)(make(lib), **NORMS[norm])
        first = gradients_and_values(lib, layer, shape)
        second = {f"again, {key}": value for key, value in gradients_and_values(lib, layer, shape).items()}
        return first | second

    compare(tell)


@pytest.mark.parametrize("newer", [True, False], ids=["newer", "older"])
@pytest.mark.parametrize("norm", ["weight", "spectral"])
def test_removing_norms(norm, newer):
    def tell(lib):
        layer = norm_of(lib, norm, newer)(lib.nn.Linear(4, 3, dtype=lib.float64)).eval()
        before = layer(lib.ones(1, 4, dtype=lib.float64)).detach().numpy()
        if newer:
            lib.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        else:
            getattr(lib.nn.utils, f"remove_{norm}_norm")(layer)
        assert isinstance(layer.weight, lib.nn.Parameter) and type(layer) is lib.nn.Linear
        assert not layer._forward_pre_hooks and not layer._state_dict_hooks
        after = layer(lib.ones(1, 4, dtype=lib.float64))
        np.testing.assert_allclose(after.detach().numpy(), before)
        after.sum().backward()
        assert layer.weight.grad is not None
        return {name: value.numpy() for name, value in layer.state_dict().items()}

    compare(tell)


@pytest.mark.parametrize("norm", ["weight", "spectral"])
def test_norms_of_biases(norm):
    def tell(lib):
        layer = norm_of(lib, norm, True)(lib.nn.Linear(4, 3, dtype=lib.float64), "bias")
        layer(lib.ones(1, 4, dtype=lib.float64)).pow(2).sum().backward()
        return {"bias": layer.bias.detach().numpy()} | {n: p.grad.numpy() for n, p in layer.named_parameters()}

    compare(tell)


def test_second_gradients():
    """A gradient penalty through a normalized weight."""

    def tell(lib):
        layer = lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(4, 3, dtype=lib.float64))
        x = lib.linspace(-1, 1, 8, dtype=lib.float64).reshape(2, 4).requires_grad_()
        (g,) = lib.autograd.grad(layer(x).tanh().sum(), x, create_graph=True)
        (g**2).sum().backward()
        return {n: p.grad.numpy() for n, p in layer.named_parameters()}

    compare(tell)


def test_old_state_dicts_load():
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        old = nn.utils.weight_norm(nn.Linear(2, 3))
    new = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)))
    state = {f"0.{name}": value for name, value in old.state_dict().items()}
    assert list(state) == ["0.bias", "0.weight_g", "0.weight_v"]
    new.load_state_dict(state)
    np.testing.assert_allclose(new[0].weight.detach().numpy(), old.weight.detach().numpy())


def test_version_in_the_metadata():
    layer = nn.utils.spectral_norm(nn.Linear(2, 3))
    assert layer.state_dict()._metadata[""] == {"version": 1, "spectral_norm": {"weight.version": 1}}
    assert len(pickle.dumps(copy.deepcopy(layer))) > 0


WRONG = {
    "map": lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 3), orthogonal_map="other"),
    "orthogonal name": lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 3), "other"),
    "orthogonal bias": lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 3), "bias"),
    "complex": lambda lib: lib.nn.utils.parametrizations.orthogonal(
        lib.nn.Linear(2, 3, dtype=lib.complex64), orthogonal_map="householder"
    ),
    "shape": lambda lib: setattr(
        lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 3)), "weight", lib.ones(3, 1)
    ),
    "no base": lambda lib: setattr(
        lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 2), use_trivialization=False), "weight", lib.eye(2)
    ),
    "steps": lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(2, 3), n_power_iterations=0),
    "old steps": lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(2, 3), n_power_iterations=0),
    "spectral name": lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(2, 3), "other"),
    "old spectral name": lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(2, 3), "other"),
    "dim": lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(2, 3), dim=4),
    "twice": lambda lib: lib.nn.utils.spectral_norm(lib.nn.utils.spectral_norm(lib.nn.Linear(2, 3))),
    "weight twice": lambda lib: lib.nn.utils.weight_norm(lib.nn.utils.weight_norm(lib.nn.Linear(2, 3))),
    "old name": lambda lib: lib.nn.utils.weight_norm(lib.nn.Linear(2, 3), "other"),
    "none there": lambda lib: lib.nn.utils.remove_spectral_norm(lib.nn.Linear(2, 3)),
    "no weight norm there": lambda lib: lib.nn.utils.remove_weight_norm(lib.nn.Linear(2, 3)),
    "lazy": lambda lib: lib.nn.utils.weight_norm(lib.nn.LazyLinear(3)),
    "lazy spectral": lambda lib: lib.nn.utils.spectral_norm(lib.nn.LazyLinear(3)),
    "no bias": lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(2, 3, bias=False), "bias"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    raised = []
    for lib in (tl, pytest.importorskip("torch")):
        with pytest.raises(Exception) as caught:
            WRONG[name](lib)
        raised.append((caught.type, str(caught.value)))
    (kind, text), (expected_kind, expected) = raised
    assert kind is expected_kind and text.startswith(expected)
