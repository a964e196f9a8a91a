"""What a distribution does in Tapeless and in PyTorch, side by side: for the tests here and for `tests.parity`.

Each function in `KINDS` does something with a case in one library and returns what came of it, by name: tensors,
texts, or ``Error`` where it was refused. `difference` compares that of the two libraries.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import tapeless as tl
from tests.distributions.cases import Case, array

Results = dict[str, Any]


class Error(NamedTuple):
    """An exception: its class, and the first line of its message."""

    kind: str
    line: str


def attempt(function: Callable[[], Any]) -> Any:
    """Return what the function returns, or the error it raises."""
    try:
        return function()
    except Exception as error:
        line = "" if isinstance(error, NotImplementedError) else str(error).split("\n")[0]
        return Error(type(error).__name__.lstrip("_"), " ".join(line.replace("tapeless", "torch").split()))


# -- What is compared -------------------------------------------------------------------------------------


def traits(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    return {
        "shapes": (tuple(d.batch_shape), tuple(d.event_shape)),
        "flags": (d.has_rsample, d.has_enumerate_support),
        "repr": repr(d),
        "support": (repr(d.support), d.support.event_dim, d.support.is_discrete),
        "arg_constraints": {name: repr(c) for name, c in d.arg_constraints.items()},
        "class support": attempt(lambda: type(d).support.event_dim),
        "class discrete": attempt(lambda: type(d).support.is_discrete),
    }


def parameters(case: Case, library: Any, dtype: str) -> Results:
    """All parameters, those computed from others included."""
    d, _ = case.build(library, dtype)
    return {name: attempt(lambda: getattr(d, name)) for name in d.arg_constraints}  # noqa: B023


def moments(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    return {name: attempt(lambda: getattr(d, name)) for name in ("mean", "mode", "variance", "stddev")}  # noqa: B023


def entropy(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    return {"entropy": attempt(d.entropy), "perplexity": attempt(d.perplexity)}


def log_prob(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    return {"log_prob": attempt(lambda: d.log_prob(case.values(library, dtype)))}


def cdf(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    points = np.linspace(0.05, 0.95, 7).reshape(7, *(1 for _ in d.batch_shape))
    return {
        "cdf": attempt(lambda: d.cdf(case.values(library, dtype))),
        "icdf": attempt(lambda: d.icdf(library.tensor(points, dtype=getattr(library, dtype)))),
    }


_EDGES = [0.0, 1.0, 0.5, -1.0, math.inf, -math.inf, math.nan]


def edges(case: Case, library: Any, dtype: str) -> Results:
    """Functions of values on and beyond the border of the support, without checks."""
    d, _ = case.build(library, dtype, validate_args=False)
    results = {}
    for edge in _EDGES:
        value = library.full(d.batch_shape + d.event_shape, edge, dtype=getattr(library, dtype))
        for name in ("log_prob", "cdf", "icdf") if not d.event_shape else ("log_prob",):
            if case.family not in _WILD_INDEX:
                results[f"{name}({edge})"] = attempt(lambda: getattr(d, name)(value))  # noqa: B023
    return results


# What these make of such values is undefined: an index from a NaN, the Cholesky factor of a constant matrix.
_WILD_INDEX = ("Categorical", "OneHotCategorical", "OneHotCategoricalStraightThrough", "LKJCholesky", "Wishart")


def enumeration(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    return {str(expand): attempt(lambda: d.enumerate_support(expand)) for expand in (True, False)}  # noqa: B023


def grad(case: Case, library: Any, dtype: str) -> Results:
    """Gradients of log_prob."""
    d, params = case.build(library, dtype, grad=True)
    value = case.values(library, dtype, grad=True)
    weighted(library, d.log_prob(value)).backward()
    return {"value": zero_or(value.grad)} | {name: zero_or(p.grad) for name, p in params.items()}


def moment_grad(case: Case, library: Any, dtype: str) -> Results:
    """Gradients of mean, variance and entropy."""
    results = {}
    for name in ("mean", "variance", "entropy"):
        d, params = case.build(library, dtype, grad=True)
        value = attempt(lambda: d.entropy() if name == "entropy" else getattr(d, name))  # noqa: B023
        if isinstance(value, Error) or not value.requires_grad:
            continue
        weighted(library, value).backward()
        results |= {f"{name} {param}": zero_or(p.grad) for param, p in params.items()}
    return results


def sample(case: Case, library: Any, dtype: str) -> Results:
    results: Results = {}
    d, _ = case.build(library, dtype, grad=True)
    for shape in [(), (3,), (20, 2)]:
        library.manual_seed(3)
        results[str(shape)] = x = draw(d, library, shape)
        results[f"{shape} grad"] = x.requires_grad
    return results


def rsample_grad(case: Case, library: Any, dtype: str) -> Results:
    """Gradients of samples."""
    d, params = case.build(library, dtype, grad=True)
    if not d.has_rsample:
        return {"rsample": attempt(d.rsample)}
    library.manual_seed(5)
    weighted(library, draw(d, library, (4,), "rsample")).backward()
    return {name: zero_or(p.grad) for name, p in params.items()}


def expand(case: Case, library: Any, dtype: str) -> Results:
    d, _ = case.build(library, dtype)
    results: Results = {}
    for shape in [(2, *d.batch_shape), (3, 1, *d.batch_shape)]:
        wide = d.expand(library.Size(shape))
        value = case.values(library, dtype)
        results[f"{shape}"] = (type(wide).__name__, tuple(wide.batch_shape), repr(wide))
        results[f"{shape} log_prob"] = wide.log_prob(value)
        library.manual_seed(7)
        results[f"{shape} sample"] = draw(wide, library, (2,))
        for name in ("mean", "variance"):
            results[f"{shape} {name}"] = attempt(lambda: getattr(wide, name))  # noqa: B023
        if case.family != "Multinomial":  # which PyTorch 2.13 forgets a part of
            results[f"{shape} entropy"] = attempt(wide.entropy)
    return results


def bad_parameters(case: Case, library: Any, dtype: str) -> Results:
    """Parameters that are refused, and how."""
    results = {}
    for name, good in case.params.items():
        for bad in (math.nan, -1.0, 0.0, 1.5, math.inf):
            filled = np.full_like(np.asarray(good, np.float64), bad).tolist()
            changed = case._replace(params=case.params | {name: filled})
            built = attempt(lambda: changed.build(library, dtype, validate_args=True)[0])  # noqa: B023
            results[f"{name}={bad}"] = built if isinstance(built, Error) else repr(built)
    return results


def bad_values(case: Case, library: Any, dtype: str) -> Results:
    """Values that are refused, and how."""
    d, _ = case.build(library, dtype, validate_args=True)
    full = d.batch_shape + d.event_shape
    results = {"no tensor": attempt(lambda: d.log_prob(0.5))}
    for bad in (
        math.nan,
        -1.0,
        0.5,
        math.inf,
        *([] if case.family == "Wishart" else [1e9]),
    ):  # singular but for rounding
        value = library.full(full, bad, dtype=getattr(library, dtype))
        found = attempt(lambda: d.log_prob(value))  # noqa: B023
        results[f"{bad}"] = found if isinstance(found, Error) else "taken"
    for shape in [(7,), (*full, 7)]:
        value = library.full(shape, 0.5, dtype=getattr(library, dtype))
        results[f"shape {shape}"] = attempt(lambda: d.log_prob(value))  # noqa: B023
    return results


def draw(d: Any, library: Any, shape: Any, method: str = "sample") -> Any:
    """Draw samples. Wishart: without PyTorch's second draw, which it takes by mistake (see docs/differences.md)."""
    if type(d).__name__ == "Wishart" and library is torch:
        x = d._bartlett_sampling(torch.Size(shape))
        return x.detach() if method == "sample" else x
    return getattr(d, method)(shape)


def weighted(library: Any, x: Any) -> Any:
    """Return a sum in which each element has a weight of its own."""
    return (x * (1 + library.arange(x.numel(), dtype=x.dtype).reshape(x.shape) / 7)).sum()


def zero_or(gradient: Any) -> Any:
    return 0.0 if gradient is None else gradient


KINDS: dict[str, Callable[[Case, Any, str], Results]] = {
    function.__name__: function
    for function in (
        traits, parameters, moments, entropy, log_prob, cdf, edges, enumeration, grad, moment_grad, sample,
        rsample_grad, expand, bad_parameters, bad_values,
    )
}  # fmt: skip


# Where Tapeless differs. The tests see to it that nothing is here that no longer differs.
KNOWN = {
    ("Wishart-batch", "grad"): "PyTorch's cholesky_solve has a gradient above the diagonal, which it does not read",
}

# -- How it is compared -----------------------------------------------------------------------------------

TOLERANCE = {"float32": 2e-5, "float64": 1e-9}
# PyTorch's derivatives of gamma and Dirichlet samples are approximations of three to four digits.
_IMPLICIT = "Gamma Chi2 Beta Dirichlet StudentT FisherSnedecor InverseGamma Wishart".split()


def difference(kind: str, case: Case, dtype: str) -> str:
    """Return how the libraries differ in this, or nothing."""
    rtol = 5e-3 if kind == "rsample_grad" and case.family in _IMPLICIT else TOLERANCE[dtype]
    return differs(lambda library, dtype: KINDS[kind](case, library, dtype), dtype, rtol)


def differs(function: Callable[[Any, str], Results], dtype: str, rtol: float) -> str:
    """Return the first difference in what a function returns for the two libraries, or nothing."""
    ours, theirs = quietly(lambda: function(tl, dtype)), quietly(lambda: function(torch, dtype))
    if ours.keys() != theirs.keys():
        return f"{list(ours)} instead of {list(theirs)}"
    exact: Results | None = None
    for name, expected in theirs.items():
        text = _difference(ours[name], expected, rtol)
        if text and dtype == "float32" and isinstance(expected, torch.Tensor):
            exact = quietly(lambda: function(torch, "float64")) if exact is None else exact
            text = "" if _as_exact(ours[name], expected, exact.get(name)) else text
        if text:
            return f"{name}: {text}"
    return ""


def quietly(function: Callable[[], Results]) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()


def _difference(ours: Any, theirs: Any, rtol: float) -> str:
    if not isinstance(theirs, torch.Tensor):
        theirs_zero = isinstance(theirs, float) and theirs == 0.0  # no gradient; zeros are as good
        if isinstance(ours, tl.Tensor):
            same = theirs_zero and not array(ours).any()
        else:
            same = ours == theirs
        return "" if same else f"{ours!r} instead of {theirs!r}"
    if not isinstance(ours, tl.Tensor):
        return "" if isinstance(ours, float) and not theirs.any() else f"{ours!r} instead of {theirs!r}"
    a, b = array(ours), array(theirs)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"{a.dtype} {a.shape} instead of {b.dtype} {b.shape}"
    if np.allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True):
        return ""
    return f"{a.reshape(-1)[:6]} instead of {b.reshape(-1)[:6]}"


def _as_exact(ours: Any, theirs: Any, exact: Any) -> bool:
    """Return whether our float32 result is about as near to that of float64 as PyTorch's is."""
    if not isinstance(exact, torch.Tensor) or not isinstance(ours, tl.Tensor) or exact.shape != theirs.shape:
        return False
    a, b, e = array(ours).astype(np.float64), array(theirs).astype(np.float64), array(exact)
    same = (np.isfinite(a) == np.isfinite(b)) & (np.isnan(a) == np.isnan(b)) & ((a == b) | np.isfinite(a))
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(e)
    mine, other = (np.abs(x[finite] - e[finite]).max(initial=0) for x in (a, b))
    return bool(same.all() and mine <= 4 * other)
