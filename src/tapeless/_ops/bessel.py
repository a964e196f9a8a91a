"""Special functions that SciPy computes, and orthogonal polynomials by their recurrences.

Without SciPy (``pip install 'tapeless[scipy]'``) the former raise ImportError when they are called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels.dispatch import kernel
from .._kernels.optional import scipy
from .._kernels.special import recurrence
from ._common import FloatBinary, FloatUnary, both_arrays

# What the examples in the docstrings print: values at 0.5, and those of degree 2 at 0.25.
_AT_HALF = {
    "i0": "1.0635",
    "i0e": "0.6450",
    "i1": "0.2579",
    "i1e": "0.1564",
    "ndtr": "0.6915",
    "ndtri": "0.",
    "log_ndtr": "-0.3689",
    "erfcx": "0.6157",
    "airy_ai": "0.2317",
    "bessel_j0": "0.9385",
    "bessel_j1": "0.2423",
    "bessel_y0": "-0.4445",
    "bessel_y1": "-1.4715",
    "modified_bessel_i0": "1.0635",
    "modified_bessel_i1": "0.2579",
    "modified_bessel_k0": "0.9244",
    "modified_bessel_k1": "1.6564",
    "scaled_modified_bessel_k0": "1.5241",
    "scaled_modified_bessel_k1": "2.7310",
}
_OF_DEGREE_2 = {
    "chebyshev_polynomial_t": "-0.8750",
    "chebyshev_polynomial_u": "-0.7500",
    "chebyshev_polynomial_v": "-1.2500",
    "chebyshev_polynomial_w": "-0.2500",
    "shifted_chebyshev_polynomial_t": "-0.5000",
    "shifted_chebyshev_polynomial_u": "0.",
    "shifted_chebyshev_polynomial_v": "1.",
    "shifted_chebyshev_polynomial_w": "-1.",
    "hermite_polynomial_h": "-1.7500",
    "hermite_polynomial_he": "-0.9375",
    "laguerre_polynomial_l": "0.5312",
    "legendre_polynomial_p": "-0.4062",
}


def _example(name: str, arguments: str, value: str) -> str:
    return f">>> import tapeless as tl\n>>> tl.special.{name}({arguments})\ntensor([{value}])"


def _from_scipy(name: str, function: str, doc: str, gradient: Callable[..., Any] | None = None, top: str = "") -> Any:
    """Declare ``special.<name>`` (and `top`, its names outside of the namespace) as SciPy's function."""

    @kernel
    def compute(x: Any) -> Any:
        values = getattr(scipy("special", f"torch.special.{name}"), function)(x)
        values = values[0] if isinstance(values, tuple) else values
        return np.asarray(values).astype(x.dtype)

    body: dict[str, Any] = {
        "names": f"{top} special.{name}".strip(),
        "methods": top or None,
        "inplace": bool(top),
        "numpy": staticmethod(compute),
        "__doc__": f"{doc}\n\nSee https://docs.pytorch.org/docs/stable/special.html#torch.special.{name}\n\n"
        + _example(name, "tl.tensor([0.5])", _AT_HALF[name]),
        "__module__": __name__,
    }
    if gradient is not None:
        body["grad_input"] = gradient
    return type(name.title().replace("_", ""), (FloatUnary,), body)


def _i1_gradient(self, g, input, result):
    safe = np.where(input == 0, 1, input)
    return g * np.where(input == 0, 0.5, I0.numpy(input) - result / safe)


def _i0e_gradient(self, g, input, result):
    return g * (I1e.numpy(input) - np.sign(input) * result)


def _i1e_gradient(self, g, input, result):
    safe = np.where(input == 0, 1, input)
    return g * np.where(input == 0, 0.5, I0e.numpy(input) - result * (np.sign(input) + 1 / safe))


def _ndtr_gradient(self, g, input):
    return g * (np.exp(-input * input / 2) / math.sqrt(2 * math.pi))


def _ndtri_gradient(self, g, result):
    return g * (np.exp(result * result / 2) * math.sqrt(2 * math.pi))


def _erfcx_gradient(self, g, input, result):
    return g * (2 * input * result - 2 / math.sqrt(math.pi))


def _log_ndtr_gradient(self, g, input, result):
    return g * (np.exp(-input * input / 2 - result) / math.sqrt(2 * math.pi))


I0: Any = _from_scipy("i0", "i0", "The modified Bessel function of the first kind, order 0.",
                 lambda self, g, input: g * I1.numpy(input), top="i0")  # fmt: skip
I0e = _from_scipy("i0e", "i0e", "`i0` scaled by ``exp(-|x|)``.", _i0e_gradient)
I1: Any = _from_scipy("i1", "i1", "The modified Bessel function of the first kind, order 1.", _i1_gradient)
I1e = _from_scipy("i1e", "i1e", "`i1` scaled by ``exp(-|x|)``.", _i1e_gradient)

_from_scipy("ndtr", "ndtr", "The distribution function of the standard normal.", _ndtr_gradient)
_from_scipy("ndtri", "ndtri", "The inverse of `ndtr`.", _ndtri_gradient)
_from_scipy("log_ndtr", "log_ndtr", "The logarithm of `ndtr`.", _log_ndtr_gradient)
_from_scipy("erfcx", "erfcx", "``exp(x ** 2) * erfc(x)``.", _erfcx_gradient)
_from_scipy("airy_ai", "airy", "The Airy function Ai.")
_from_scipy("bessel_j0", "j0", "The Bessel function of the first kind, order 0.")
_from_scipy("bessel_j1", "j1", "The Bessel function of the first kind, order 1.")
_from_scipy("bessel_y0", "y0", "The Bessel function of the second kind, order 0.")
_from_scipy("bessel_y1", "y1", "The Bessel function of the second kind, order 1.")
_from_scipy("modified_bessel_i0", "i0", "The modified Bessel function of the first kind, order 0.")
_from_scipy("modified_bessel_i1", "i1", "The modified Bessel function of the first kind, order 1.")
_from_scipy("modified_bessel_k0", "k0", "The modified Bessel function of the second kind, order 0.")
_from_scipy("modified_bessel_k1", "k1", "The modified Bessel function of the second kind, order 1.")
_from_scipy("scaled_modified_bessel_k0", "k0e", "`modified_bessel_k0` scaled by ``exp(x)``.")
_from_scipy("scaled_modified_bessel_k1", "k1e", "`modified_bessel_k1` scaled by ``exp(x)``.")


class SphericalBesselJ0(FloatUnary):
    """``sin(x) / x``, 1 at 0.

    >>> import tapeless as tl
    >>> tl.special.spherical_bessel_j0(tl.tensor([0.0]))
    tensor([1.])
    """

    names = "special.spherical_bessel_j0"

    def forward(self, input: Any) -> Any:
        safe = np.where(input == 0, 1, input)
        return np.where(np.isinf(input), 0, np.where(input == 0, 1, np.sin(safe) / safe)).astype(input.dtype)


@kernel
def _zeta(s: Any, q: Any) -> Any:
    s, q = both_arrays(s, q)
    return np.asarray(scipy("special", "torch.special.zeta").zeta(s, q)).astype(s.dtype)


class Zeta(FloatBinary):
    """The Hurwitz zeta function: the sum over k of ``(other + k) ** -input``.

    See https://docs.pytorch.org/docs/stable/special.html#torch.special.zeta

    >>> import tapeless as tl
    >>> tl.special.zeta(tl.tensor([2.0]), tl.tensor([1.0]))  # pi ** 2 / 6
    tensor([1.6449])
    """

    names = "special.zeta"
    numpy = staticmethod(_zeta)

    def grad_input(self, g):
        raise NotImplementedError("the derivative for 'zeta' is not implemented.")

    def grad_other(self, g, input, other):
        return g * (-input * _zeta(input + 1, other))


# -- Orthogonal polynomials ------------------------------------------------------------------------------


def _polynomial(name: str, doc: str, first: Callable[[Any], Any], step: Callable[..., Any]) -> None:
    """Declare a family: `first` gives degree 1, ``step(k, x, p, q)`` degree k + 1 of degrees k and k - 1."""

    def forward(self: Any, input: Any, n: Any) -> Any:
        input, n = both_arrays(input, n)
        return recurrence(input, n, first, step).astype(input.dtype)

    body = {
        "names": f"special.{name}",
        "numpy": None,
        "forward": forward,
        "__doc__": f"{doc}\n\nSee https://docs.pytorch.org/docs/stable/special.html\n\n"
        + _example(name, "tl.tensor([0.25]), 2", _OF_DEGREE_2[name]),
        "__module__": __name__,
    }
    type(name.title().replace("_", ""), (FloatBinary,), body)


_CHEBYSHEV = {
    "t": lambda x: x,
    "u": lambda x: 2 * x,
    "v": lambda x: 2 * x - 1,
    "w": lambda x: 2 * x + 1,
}
for _kind, _first in _CHEBYSHEV.items():
    _polynomial(
        f"chebyshev_polynomial_{_kind}",
        f"The Chebyshev polynomial {_kind.upper()} of degree `n`.",
        _first,
        lambda k, x, p, q: 2 * x * p - q,
    )
    _polynomial(
        f"shifted_chebyshev_polynomial_{_kind}",
        f"The Chebyshev polynomial {_kind.upper()} of degree `n`, of ``2 x - 1``.",
        lambda x, _first=_first: _first(2 * x - 1),  # type: ignore[misc]
        lambda k, x, p, q: 2 * (2 * x - 1) * p - q,
    )
_polynomial(
    "hermite_polynomial_h", "The physicist's Hermite polynomial of degree `n`.", lambda x: 2 * x,
    lambda k, x, p, q: 2 * x * p - 2 * k * q,
)  # fmt: skip
_polynomial(
    "hermite_polynomial_he", "The probabilist's Hermite polynomial of degree `n`.", lambda x: x,
    lambda k, x, p, q: x * p - k * q,
)  # fmt: skip
_polynomial(
    "laguerre_polynomial_l", "The Laguerre polynomial of degree `n`.", lambda x: 1 - x,
    lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1),
)  # fmt: skip
_polynomial(
    "legendre_polynomial_p", "The Legendre polynomial of degree `n`.", lambda x: x,
    lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1),
)  # fmt: skip
