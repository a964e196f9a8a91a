"""Functions of two numbers, the gamma and Bessel families, and orthogonal polynomials."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from tests.ops.table import binary, call, f, ints, row, unary, whole

try:
    from scipy import special
except ImportError:
    special = None

vectorized = partial(np.vectorize, otypes=[float])

# -- Two numbers -----------------------------------------------------------------------------------------

TENSORS = binary()[:-1]  # not with a number: these want two tensors


def edges(*values):
    """Limits and kinks: in float32, so that no gradients are taken there."""
    return np.array(values, np.float32)


AWKWARD = edges(0.0, math.nan, math.inf, -math.inf, 1.0)
PAIR = call(AWKWARD, edges(math.nan, 0.0, 1.0, -math.inf, math.nan))
row("copysign", [*binary(), call(f(3), -0.0)], np.copysign)
row("fmax", [*TENSORS, PAIR], np.fmax)
row("fmin", [*TENSORS, PAIR], np.fmin)
row("logaddexp", [*TENSORS, call(edges(-np.inf, 800.0), edges(-np.inf, 800.0))], np.logaddexp, kinds="f")
row("logaddexp2", TENSORS, np.logaddexp2, kinds="f")
row("hypot", TENSORS, np.hypot, kinds="f")
row("nextafter", TENSORS, np.nextafter, kinds="f")
row("heaviside", [*TENSORS, call(edges(0.0, -0.0, 1.0), edges(1.0, 2.0, 3.0))], np.heaviside)
row("gcd", whole()[:-2], np.gcd, kinds="f")
row("lcm", whole()[:-2], np.lcm, kinds="f")
row("ldexp", TENSORS, lambda a, b: a * 2**b)
row("frexp", [*unary(0.6, 0.9), call(f(3, lo=-3.9, hi=-2.1)), call(edges(0.0, 8.0, -0.75))], np.frexp, kinds="f")
POWERS = [*binary(0.5, 2.0), call(f(2, 3), 3), call(2.0, f(3)), call(f(3), 0)]
row("float_power", POWERS, np.float_power)
row("xlogy", [*binary(0.2, 2.0), call(2.0, f(3, lo=0.2)), call(edges(0.0, 0.0), edges(0.0, math.nan))],
    lambda a, b: np.where(np.isnan(b), b, np.where(a == 0, 0, a * np.log(b))))  # fmt: skip
row("special.xlog1py", [*binary(-0.8, 2.0), call(2.0, f(3, lo=-0.8)), call(edges(0.0, 0.0), edges(-1.0, math.nan))],
    lambda a, b: np.where(np.isnan(b), b, np.where(a == 0, 0, a * np.log1p(b))))  # fmt: skip

# -- One number ------------------------------------------------------------------------------------------

row("sgn", [*unary(), call(edges(0.0, -0.0, math.nan, math.inf))], lambda x: np.nan_to_num(np.sign(x)))
row("signbit", [*unary(), call(edges(0.0, -0.0))], np.signbit)
row("isposinf", [*unary(), call(AWKWARD)], np.isposinf)
row("isneginf", [*unary(), call(AWKWARD)], np.isneginf)
row("nan_to_num", [*unary(), call(AWKWARD), call(AWKWARD, 1.0, 2.0, -2.0), call(AWKWARD, posinf=5.0)],
    lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf))  # fmt: skip
row("sinc", [*unary(), call(edges(0.0, 1.0))], np.sinc)
row("special.entr", [*unary(0.1), call(edges(0.0, -1.0, math.inf))])
row("special.spherical_bessel_j0", [*unary(), call(edges(0.0, math.inf))], gradient=False)
row("lgamma", [*unary(0.2, 8), call(f(3, lo=-0.8, hi=-0.2)), call(edges(math.inf))], vectorized(math.lgamma))
row("erfc", [*unary(), call(f(3, lo=4, hi=5))], vectorized(math.erfc))
row("erfinv", [*unary(-0.9, 0.9), call(edges(0.0, 1.0, -1.0, 2.0))])
row("digamma", [*unary(0.2, 8), call(f(3, lo=-0.8, hi=-0.2))])
row("polygamma", [call(n, f(2, 3, lo=0.3, hi=4)) for n in range(4)] + [call(1, f()), call(2, f(0))])
row("_polygamma_method", [call(f(3, lo=0.3), 1)], torch="Tensor.polygamma")
row("mvlgamma", [call(f(2, 3, lo=1.1, hi=5), 2), call(f(lo=2, hi=5), 3), call(f(0), 1)])

# -- What SciPy computes ---------------------------------------------------------------------------------


def scipy_row(name, samples, function, **traits):
    """Add a row with SciPy's function as the reference; without SciPy there is nothing to compute."""
    reference = getattr(special, function, None)
    row(name, samples if special else [], reference, because="needs SciPy", returns="Tensor", tolerance=1e-8, **traits)


for name in ("i0", "special.i0e", "special.i1", "special.i1e", "special.ndtr", "special.log_ndtr", "special.erfcx"):
    scipy_row(name, [*unary(), call(edges(0.0, 9.0, -9.0))], name.removeprefix("special."))
scipy_row("special.ndtri", [*unary(0.1, 0.9), call(edges(0.0, 1.0, 2.0))], "ndtri")
# PyTorch's own are right to 1e-6 only: in float64 the difference shows.
BESSEL = {"bessel_j0": "j0", "bessel_j1": "j1", "modified_bessel_i0": "i0", "modified_bessel_i1": "i1"}
for name, function in BESSEL.items():
    scipy_row(f"special.{name}", [*unary(-6, 6), call(edges(0.0, 30.0))], function, kinds="ib")
POSITIVE = {"bessel_y0": "y0", "bessel_y1": "y1", "modified_bessel_k0": "k0", "modified_bessel_k1": "k1"}
for name, function in {**POSITIVE, "scaled_modified_bessel_k0": "k0e", "scaled_modified_bessel_k1": "k1e"}.items():
    scipy_row(f"special.{name}", [*unary(0.2, 6), call(edges(0.0, 20.0))], function, kinds="ib")
row("special.airy_ai", unary(-4, 4) if special else [], lambda x: special.airy(x)[0], because="needs SciPy",
    returns="Tensor", kinds="ib")  # fmt: skip
# The derivative by the first argument is unknown: it is in float32 here, which asks for none.
ORDERS = [call(edges(1, 2, 4), f(2, 3, lo=0.3)), call(edges(2.5, 3), f(0, 2)), call(edges(3)[0:0], f(0))]
ORDERS += [call(edges(3).reshape(()), f(lo=0.3)), call(edges([[0.5], [1.5]]), f(2, 3, lo=1))]
scipy_row("special.zeta", [call(s.args[0] + 1, s.args[1]) for s in ORDERS[:2]] + [call(2.0, f(3, lo=0.3))], "zeta")
scipy_row("igamma", ORDERS, "gammainc", kinds="f", inplace=False)
scipy_row("igammac", ORDERS, "gammaincc", kinds="f", inplace=False)

# -- Orthogonal polynomials ------------------------------------------------------------------------------

DEGREES = np.arange(6)
POLYNOMIALS = {
    **{f"chebyshev_polynomial_{kind}": None for kind in "uvw"},
    **{f"shifted_chebyshev_polynomial_{kind}": None for kind in "tuvw"},
    "chebyshev_polynomial_t": np.polynomial.Chebyshev,
    "hermite_polynomial_h": np.polynomial.Hermite,
    "hermite_polynomial_he": np.polynomial.HermiteE,
    "laguerre_polynomial_l": np.polynomial.Laguerre,
    "legendre_polynomial_p": np.polynomial.Legendre,
}
for name, series in POLYNOMIALS.items():

    def polynomial(x, n, _series=series):
        """Evaluate the polynomial of each degree at each place."""
        if _series is None or np.min(n) < 0:
            return None
        return vectorized(lambda x, n: _series.basis(int(n), domain=[-1, 1], window=[-1, 1])(x))(x, n)

    samples = [call(f(6, lo=-0.9, hi=0.9), DEGREES), call(f(2, 1), ints(1, 3, high=4)), call(f(3), 4), call(0.5, f(3))]
    row(f"special.{name}", samples, polynomial, gradient=False)
