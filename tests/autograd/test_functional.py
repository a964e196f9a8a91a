"""`autograd.functional` beside PyTorch, and by finite differences without it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.autograd import functional

PRODUCTS = ("vjp", "jvp", "vhp", "hvp")
MATRICES = ("jacobian", "hessian")

# Functions that mean the same in both libraries: they use methods and operators only.
FUNCTIONS = {
    "cube": lambda a: (a**3).sum(),
    "sum": lambda a: a.sum(),
    "double": lambda a: a * 2,
    "wavy": lambda a: (a.sin() * a.flip(0)).exp(),
    "tuple of one": lambda a: (a * a.sum(),),
    "tuple": lambda a: (a * a, a.sum()),
    "(1,)": lambda a: (a**3).sum().reshape(1),
    "identity": lambda a: a,
    "constant": lambda a: a.detach().sum(),
    "float": lambda a: 1.0,
    "list": lambda a: [a],
    "holds a float": lambda a: (a, 1.0),
    "complex": lambda a: a * 2j,
}
OF_TWO = {
    "product": lambda a, b: (a * b**3).sum(),
    "bilinear": lambda a, b: (a * b).sum(),
    "first only": lambda a, b: (a**3).sum(),
    "first, and a line": lambda a, b: (a**3).sum() + b.sum(),
    "two outputs": lambda a, b: (a * b, (a + b).exp().sum()),
    "one output depends": lambda a, b: (a.sum(), b.detach().sum()),
    "matrix": lambda a, b: a.reshape(2, 1) @ b.reshape(1, 2),
}
VALUES = ([1.0, 2.0], [3.0, 0.5])


def answer(library: Any, run: Any) -> Any:
    """The result as nested lists, or the error's kind and first line up to where Tapeless adds its own words."""
    try:
        return plain(run(library))
    except (TypeError, RuntimeError, AssertionError, NotImplementedError) as error:
        text = (
            str(error)
            .splitlines()[0]
            .replace("torch.complex64", "complex64")
            .replace("torch.float32", "float32")
            .partition(" Hint:")[0]
        )
        if text.endswith("strict mode when create_graph=True."):  # PyTorch's Jacobian names the output's number there
            text = re.sub(r"input \d", "input", text)
        return type(error).__name__, text.partition("; complex ones too")[0].rstrip(".")


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    return (tuple(value.shape), str(value.dtype).removeprefix("torch."), value.requires_grad, value.detach().tolist())


def same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple | list):
        return type(mine) is type(theirs) and len(mine) == len(theirs) and all(map(same, mine, theirs))
    return mine == pytest.approx(theirs, rel=1e-5) if isinstance(mine, float) else mine == theirs


def module_of(library: Any) -> Any:
    return library.autograd.functional


CASES = [
    (label, func, count, as_tuple)
    for count, functions in ((1, FUNCTIONS), (2, OF_TWO))
    for label, func in functions.items()
    for as_tuple in ((True,) if count == 2 else (False, True))
]


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", [*PRODUCTS, *MATRICES])
def test_same_answers_as_torch(name: str, create_graph: bool, strict: bool, requires_grad: bool) -> None:
    torch = pytest.importorskip("torch")
    for label, func, count, as_tuple in CASES:

        def run(library: Any, func: Any = func, count: int = count, as_tuple: bool = as_tuple) -> Any:
            xs = tuple([library.tensor(v, requires_grad=requires_grad) for v in VALUES[:count]])
            given = xs if as_tuple else xs[0]
            vector = () if name in MATRICES else (vector_like(library, name, func, given, xs),)
            return getattr(module_of(library), name)(func, given, *vector, create_graph=create_graph, strict=strict)

        assert same(answer(tl, run), answer(torch, run)), label


def vector_like(library: Any, name: str, func: Any, given: Any, xs: Any) -> Any:
    """A vector as the outputs (vjp) or the inputs."""
    like = func(*xs) if name == "vjp" else given
    make = lambda t: (t.detach().real * 0 + 1.5) if isinstance(t, library.Tensor) else t
    return tuple(map(make, like)) if isinstance(like, tuple) else make(like)


@pytest.mark.parametrize("name", PRODUCTS)
def test_vectors_are_checked_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    cube, product = FUNCTIONS["cube"], OF_TWO["product"]

    def cases(library: Any) -> list[Any]:
        x, y, m = library.tensor([1.0, 2.0]), library.tensor([3.0, 4.0]), library.ones(2, 3)
        f = getattr(module_of(library), name)
        return [
            lambda _: f(cube, x), lambda _: f(cube, x, m), lambda _: f(cube, x, (x, x)), lambda _: f(cube, x, 1.0),
            lambda _: f(cube, x, [x]), lambda _: f(cube, (x,), m), lambda _: f(product, (x, y), x),
            lambda _: f(product, (x, y), (x, m)), lambda _: f(product, (x, y)), lambda _: f(cube, 1.0, x),
            lambda _: f(cube, [x], x), lambda _: f(cube, (x, 1.0), x), lambda _: f(OF_TWO["two outputs"], (x, y), x),
            lambda _: f(cube, library.tensor([1, 2]), library.tensor([1, 2])), lambda _: f(cube, library.tensor(2.0)),
            lambda _: f(FUNCTIONS["double"], x), lambda _: f(lambda a: a**3, library.tensor([[2.0]])),
        ]  # fmt: skip

    for number, (mine, theirs) in enumerate(zip(cases(tl), cases(torch), strict=True)):
        assert same(answer(tl, mine), answer(torch, theirs)), f"case {number}"


@pytest.mark.parametrize("name", MATRICES)
def test_options_are_checked_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    key = "strategy" if name == "jacobian" else "outer_jacobian_strategy"
    refused = [
        {key: "other"}, {key: "forward-mode"}, {"vectorize": True, "strict": True},
        {"vectorize": True, key: "forward-mode", "create_graph": True},
    ]  # fmt: skip
    for options in refused:
        run = lambda library, o=options: getattr(module_of(library), name)(
            FUNCTIONS["cube"], library.tensor([1.0, 2.0]), **o
        )
        assert answer(tl, run) == answer(torch, run)
        assert isinstance(answer(tl, run)[0], str), "an error"


@pytest.mark.parametrize("name", MATRICES)
def test_vectorize_changes_nothing(name: str) -> None:
    x = tl.tensor([1.0, 2.0])
    f = getattr(functional, name)
    key = "strategy" if name == "jacobian" else "outer_jacobian_strategy"
    for options in ({"vectorize": True}, {"vectorize": True, key: "forward-mode"}):
        assert f(FUNCTIONS["cube"], x, **options).tolist() == f(FUNCTIONS["cube"], x).tolist()


def difference(f: Any, x: Any, eps: float = 1e-5) -> Any:
    """The Jacobian of an array function by central differences, of shape (output, input)."""
    columns = []
    for i in range(x.size):
        step = np.zeros(x.size)
        step[i] = eps
        step = step.reshape(x.shape)
        columns.append((f(x + step) - f(x - step)).reshape(-1) / (2 * eps))
    return np.stack(columns, -1)


def inner(a: Any) -> Any:
    return (a.sin() @ a.transpose(0, 1)).exp()


def test_products_and_jacobian_by_finite_differences() -> None:
    rng = np.random.default_rng(0)
    x, u, w = rng.normal(size=(2, 3)), rng.normal(size=(2, 2)), rng.normal(size=(2, 3))
    expected = difference(lambda a: inner(tl.tensor(a)).numpy(), x)
    tx = tl.tensor(x)
    assert functional.jacobian(inner, tx).numpy().reshape(4, 6) == pytest.approx(expected, rel=1e-6)
    assert functional.vjp(inner, tx, tl.tensor(u))[1].numpy().ravel() == pytest.approx(u.ravel() @ expected, rel=1e-6)
    assert functional.jvp(inner, tx, tl.tensor(w))[1].numpy().ravel() == pytest.approx(expected @ w.ravel(), rel=1e-6)


def test_hessian_and_its_products_by_finite_differences() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    total = lambda a: inner(a).sum()
    expected = difference(lambda a: functional.jacobian(total, tl.tensor(a)).numpy(), x)
    tx, tw = tl.tensor(x), tl.tensor(w)
    assert functional.hessian(total, tx).numpy().reshape(6, 6) == pytest.approx(expected, rel=1e-5, abs=1e-8)
    for product in (functional.hvp, functional.vhp):
        out, found = product(total, tx, tw)
        assert out.item() == total(tx).item() and not found.requires_grad
        assert found.numpy().ravel() == pytest.approx(expected @ w.ravel(), rel=1e-5)


@pytest.mark.parametrize("name", [*PRODUCTS, *MATRICES])
def test_create_graph_leads_to_inputs_and_vector(name: str) -> None:
    x = tl.tensor([0.3, -0.7], dtype=tl.float64, requires_grad=True)
    v = tl.tensor([1.5, 2.0] if name != "vjp" else 1.5, dtype=tl.float64, requires_grad=True)
    vector = () if name in MATRICES else (v,)

    def run(*tensors: Any) -> Any:
        result = getattr(functional, name)(lambda a: (a.exp() * a.flip(0)).sum(), *tensors, create_graph=True)
        return result if name in MATRICES else result[1]

    assert tl.autograd.gradcheck(run, (x, *vector))


def test_works_without_grad_mode_and_leaves_no_gradients() -> None:
    weight = tl.tensor([2.0, 3.0], requires_grad=True)
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with tl.no_grad():
        found = functional.jacobian(lambda a: (a**3 * weight).sum(), x)
        assert not tl.is_grad_enabled()
    assert found.tolist() == [6.0, 36.0] and not found.requires_grad
    assert x.grad is None and weight.grad is None


def test_no_elements_cannot_be_stacked() -> None:
    with pytest.raises(RuntimeError, match="stack expects a non-empty TensorList"):
        functional.jacobian(lambda a: a[:0], tl.tensor([1.0]))
