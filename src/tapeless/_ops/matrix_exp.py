"""The exponential of matrices.

Higham, "The scaling and squaring method for the matrix exponential revisited" (2005).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite
from .._kernels.dispatch import kernel
from .linear_algebra import check_square, mH

# The coefficients of the diagonal Pade approximant of degree 13: those of x**k in its numerator, times 13! / 26!.
_DEGREE = 13
_PADE = [
    math.factorial(2 * _DEGREE - k)
    * math.factorial(_DEGREE)
    / (math.factorial(2 * _DEGREE) * math.factorial(k) * math.factorial(_DEGREE - k))
    for k in range(_DEGREE + 1)
]
_RADIUS = 5.4  # the approximant is exact to double precision below this 1-norm (table 2.3 there)


@kernel
def exponential(A: Any) -> Any:
    """Return e to the power of each matrix: halve until small, approximate, square as often."""
    n, kind = A.shape[-1], A.dtype
    A = A.astype(np.result_type(kind, np.float64))  # squaring doubles the error each time
    if A.size == 0:
        return A.astype(kind)
    size = np.abs(A).sum(-2).max()
    halvings = max(0, math.ceil(math.log2(size / _RADIUS))) if np.isfinite(size) and size > 0 else 0
    A = A / A.dtype.type(2.0**halvings)
    identity = np.eye(n, dtype=A.dtype)
    square = A @ A
    even, odd, power = identity * _PADE[0], identity * _PADE[1], identity
    for k in range(2, _DEGREE + 1, 2):
        power = power @ square
        even = even + power * A.dtype.type(_PADE[k])
        odd = odd + power * A.dtype.type(_PADE[k + 1]) if k < _DEGREE else odd
    odd = A @ odd
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        result = result @ result
    return result.astype(kind, copy=False)


class Exponential(Function):
    """``e**A`` of square matrices; public through `linalg.matrix_exp`."""

    numpy = staticmethod(exponential)
    conjugates = False

    def forward(self, A: Any) -> Any:
        return exponential(A)

    def grad_A(self, g, A):
        """Return the upper right block of ``exp([[A^H, g], [0, A^H]])``: Mathias, "A chain rule" (1996)."""
        n, turned = A.shape[-1], mH(A)
        top = np.concatenate([turned, g], -1)
        bottom = np.concatenate([turned * 0, turned], -1)
        return exponential(np.concatenate([top, bottom], -2))[..., :n, n:]


@composite("linalg.matrix_exp matrix_exp", methods="matrix_exp")
def matrix_exp(A: Any) -> Any:
    """Return the matrix exponential of each square matrix.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html

    >>> import tapeless as tl
    >>> tl.linalg.matrix_exp(tl.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    check_square("linalg.matrix_exp", A)
    return Exponential.apply(A)
