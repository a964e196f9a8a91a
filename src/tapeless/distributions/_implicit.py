"""Gamma and Dirichlet samples, and their gradients with respect to the parameters they were drawn by.

A sample x of a distribution function F(x; a) moves with a so that F stays the same: ``dx/da = -(dF/da) / (dF/dx)``
(Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients", 2018, https://arxiv.org/abs/1805.08498).
dF/da is an integral of the density's derivative from x to the nearer end of the support. It is taken over the
logarithm (or logit) of the variable, where the integrand falls monotonically, by Gauss and Legendre's rule.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.tensor_base import TensorBase
from .._kernels.gamma import digamma
from ._draws import Array, gamma

_FALL = 40.0  # integrals end where the integrand has fallen by exp(-40), about 4e-18
_FAR = 36.0  # exp(-36) is below the precision of 1


@functools.cache
def _rule() -> list[tuple[float, float]]:
    """Return the places and weights of Gauss and Legendre's rule on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(48)
    return list(zip(((x + 1) / 2).tolist(), (w / 2).tolist(), strict=True))


def _end(bound: Array, fall: Callable[[Array], tuple[Array, Array]]) -> Array:
    """Return where a convex `fall`, which comes with its slope, reaches `_FALL`: by Newton's method from above."""
    for _ in range(12):
        value, slope = fall(bound)
        bound = bound - (value - _FALL) / slope
    return bound


# -- Gamma ------------------------------------------------------------------------------------------------


def gamma_gradient(x: Array, a: Array) -> Array:
    """Return dx/da of samples x of the gamma distributions of shapes a and rate 1, to 11 digits or more."""
    x, a = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(a, np.float64))
    small = x <= 1
    with np.errstate(all="ignore"):
        by_series = _gamma_series(np.where(small, x, 1.0), a)
        by_integral = _gamma_integral(np.where(small, 2.0, x), a)
    return np.where(small, by_series, by_integral)


def _gamma_series(x: Array, a: Array) -> Array:
    """Differentiate the series of the distribution function (DLMF 8.7.1) term by term; for x up to 1."""
    term, harmonic = np.ones(x.shape), np.zeros(x.shape)
    total = base = np.log(x) - digamma(a + 1)
    for k in range(1, 20):
        term = term * (x / (a + k))
        harmonic = harmonic + 1 / (a + k)
        total = total + term * (base - harmonic)
    return -x / a * total


def _gamma_integral(x: Array, a: Array) -> Array:
    """Integrate over ``s = |log(t / x)|``, with t from x to 0 or to infinity; for x above 1."""
    side = np.where(x > a, 1.0, -1.0)

    def fall(s: Array) -> tuple[Array, Array]:
        return x * np.expm1(side * s) - a * side * s, side * (x * np.exp(side * s) - a)

    far = np.where(x > a, np.sqrt(2 * _FALL / x), (_FALL + x) / a)
    end = _end(np.minimum(_FALL / np.abs(x - a), far), fall)
    center = np.log(x) - digamma(a)
    total = np.zeros(x.shape)
    for place, weight in _rule():
        s = place * end
        total += weight * np.exp(-fall(s)[0]) * (center + side * s)
    return side * x * end * total


class GammaGradient(Function):
    """`gamma_gradient` of tensors, for graphs of gradients; where it ends."""

    def forward(self, input: Any, other: Any) -> Any:
        return gamma_gradient(input, other).astype(input.dtype)

    def grad_input(self, g):
        raise RuntimeError("the derivative for '_standard_gamma_grad' is not implemented.")

    grad_other = grad_input


class StandardGamma(Function):
    """Draws from the gamma distributions of shapes `input` and rate 1."""

    def forward(self, input: Any) -> Any:
        return np.maximum(gamma(input).astype(input.dtype), np.finfo(input.dtype).tiny)

    def grad_input(self, g, input, result):
        if isinstance(input, TensorBase):
            return g * GammaGradient.apply(result, input)
        return g * gamma_gradient(result, input).astype(input.dtype)


# -- Beta and Dirichlet -----------------------------------------------------------------------------------


def beta_gradient(x: Array, a: Array, b: Array) -> Array:
    """Return ``dx/da / (1 - x)`` of samples x of the beta distributions of a and b, to about 10 digits.

    The integral is over ``s = |logit(t) - logit(x)|``, with t from x to 0 or to 1.
    """
    x, a, b = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (x, a, b)))
    with np.errstate(all="ignore"):
        below = x * (a + b) < a
        near, part = np.where(below, a, b), np.where(below, x, 1 - x)  # seen from the end that t goes to
        center = np.log(x) - digamma(a) + digamma(a + b)

        def fall(s: Array) -> tuple[Array, Array]:
            rest = 1 + part * np.expm1(-s)
            return near * s + (a + b) * np.log1p(part * np.expm1(-s)), near - (a + b) * part * np.exp(-s) / rest

        bound = np.minimum(_FALL / fall(np.zeros(x.shape))[1], (_FALL - (a + b) * np.log1p(-part)) / near)
        end = np.minimum(_end(bound, fall), _FAR)
        total = np.zeros(x.shape)
        for place, weight in _rule():
            s = place * end
            log_t = center - below * s - np.log1p(part * np.expm1(-s))
            total += weight * np.exp(-fall(s)[0]) * log_t
        # From there on the integrand is an exponential times a straight line.
        log_t = center - below * _FAR - np.log1p(-part)
        tail = np.exp(-near * _FAR - (a + b) * np.log1p(-part)) / near * (log_t - below / near)
        return np.where(below, -x, x) * (end * total + tail)


class DirichletGradient(Function):
    """`dirichlet_gradient` of tensors, for graphs of gradients; where it ends."""

    def forward(self, input: Any, other: Any) -> Any:
        return dirichlet_gradient(input, other)

    def grad_input(self, g):
        raise RuntimeError("the derivative for '_dirichlet_grad' is not implemented.")

    grad_other = grad_input


def dirichlet_gradient(x: Array, a: Array) -> Array:
    """Return `beta_gradient` of each element of Dirichlet samples (..., K), which by themselves have beta ones."""
    others = a.sum(-1, keepdims=True) - a
    return np.where(others > 0, beta_gradient(x, a, others), 0.0).astype(x.dtype)


class StandardDirichlet(Function):
    """Draws from the Dirichlet distributions of concentrations `input` (..., K)."""

    def forward(self, input: Any) -> Any:
        weights = np.maximum(gamma(input.astype(np.float64)), np.finfo(np.float64).tiny)
        limits = np.finfo(input.dtype)
        drawn = (weights / weights.sum(-1, keepdims=True)).astype(input.dtype)
        return np.clip(drawn, limits.tiny, 1 - limits.epsneg)

    def grad_input(self, g, input, result):
        slope = DirichletGradient.apply if isinstance(input, TensorBase) else dirichlet_gradient
        return slope(result, input) * (g - (result * g).sum(-1, keepdims=True))
