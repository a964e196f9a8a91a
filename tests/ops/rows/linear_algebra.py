"""Equations, determinants, inverses and the factors of matrices."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, rough, row


def square(*shape):
    """Draw matrices far from singular; rounding to halves leaves them so."""
    return f(*shape, lo=-0.7, hi=0.7) + 3 * np.eye(shape[-1])


def definite(*shape):
    """Draw symmetric positive-definite matrices."""
    A = square(*shape)
    return (A + np.swapaxes(A, -1, -2)) / 2


# -- Equations -------------------------------------------------------------------------------------------

SYSTEMS = [
    call(square(3, 3), f(3, 2)),
    call(square(3, 3), f(3)),
    call(square(2, 2, 2), f(2, 2, 3)),
    call(square(2, 2), f(3, 2), left=False),
    call(square(2, 2, 2), f(2, 2)),
    call(square(2, 1, 2, 2), f(3, 2, 1)),
]


def solved(A, B, left=True):
    """Solve each system."""
    if not left:
        return np.swapaxes(solved(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2)), -1, -2)
    vector = B.ndim == 1 or A.shape[:-1] == B.shape
    return np.linalg.solve(A, B[..., None])[..., 0] if vector else np.linalg.solve(A, B)


row("linalg.solve", SYSTEMS, solved, kinds="f")
row("linalg.solve_ex", SYSTEMS, lambda *a, **k: (solved(*a, **k), 0) if a[0].ndim == 2 else None, kinds="f")
MATRICES = [call(square(3, 3)), call(square(2, 2, 2)), call(square(1, 1)), call(f(0, 0))]
row("linalg.inv", MATRICES, np.linalg.inv, kinds="f")
row("linalg.inv_ex", MATRICES, lambda A: (np.linalg.inv(A), np.zeros(A.shape[:-2])), kinds="f")
# At singular matrices PyTorch's gradient is 0.
row("linalg.det", [*MATRICES, call(np.ones((2, 2)))], np.linalg.det, kinds="f", kinks=False)
row("linalg.slogdet", MATRICES, np.linalg.slogdet, kinds="f")
row("logdet", MATRICES, lambda A: np.log(np.linalg.det(A)), kinds="f")
POWERS = [call(square(3, 3), n) for n in (0, 1, 2, 5, -1, -2)]
row("linalg.matrix_power", [*POWERS, call(square(2, 2, 2), 3)], np.linalg.matrix_power, kinds="f")
CHAINS = [call([f(2, 3), f(3, 4), f(4, 2)]), call([f(3), f(3, 2), f(2)]), call([f(2, 3), f(3, 1)])]
row("linalg.multi_dot", CHAINS, np.linalg.multi_dot)
row("chain_matmul", [call(f(2, 3), f(3, 4), f(4, 2)), call(f(2, 3))], lambda *xs: xs[0] if len(xs) == 1 else
    np.linalg.multi_dot(xs))  # fmt: skip
TENSOR = square(4, 4).reshape(2, 2, 4)
row("linalg.tensorinv", [call(TENSOR), call(square(4, 4).reshape(4, 2, 2), ind=1)], np.linalg.tensorinv, kinds="f")
row("linalg.tensorsolve", [call(TENSOR, f(2, 2)), call(square(4, 4).reshape(2, 4, 2), f(2, 2), (1,))],
    lambda A, B, dims=None: np.linalg.tensorsolve(A, B, dims), kinds="f")  # fmt: skip

# -- Factors ---------------------------------------------------------------------------------------------

# Only a triangle is read, but the gradient is given to both, half each, as to symmetric matrices.
DEFINITE = [rough(definite(3, 3)), rough(definite(2, 2, 2)), rough(definite(2, 2), upper=True)]


def triangle(A, upper=False):
    """Return the Cholesky factor."""
    L = np.linalg.cholesky(A)
    return np.swapaxes(L, -1, -2) if upper else L


row("linalg.cholesky", DEFINITE, triangle, kinds="f")
row("cholesky", DEFINITE, triangle, kinds="f")
row("linalg.cholesky_ex", DEFINITE, lambda A, **k: (triangle(A, **k), np.zeros(A.shape[:-2])), kinds="f")
FACTOR = np.linalg.cholesky(definite(3, 3))
# PyTorch gives the triangle that is not read a gradient too.
row("cholesky_inverse", [call(FACTOR), call(FACTOR.T.copy(), True)], kinds="f", kinks=False)
SOLVED = [call(f(3, 2), FACTOR), call(f(3, 1), FACTOR.T.copy(), upper=True)]
row("cholesky_solve", SOLVED, kinds="f", kinks=False)
TRIANGLES = [
    call(square(3, 3), f(3, 2), upper=True),
    call(square(3, 3), f(3, 2), upper=False),
    call(square(2, 2), f(3, 2), upper=True, left=False),
    call(square(3, 3), f(3, 1), upper=False, unitriangular=True),
    call(square(2, 2, 2), f(2, 1), upper=True),
]
row("linalg.solve_triangular", TRIANGLES, kinds="f")
OLDER = [{}, {"upper": False}, {"transpose": True}, {"unitriangular": True}]
row("triangular_solve", [call(f(3, 2), square(3, 3), **options) for options in OLDER], kinds="f")
TALL = [call(square(3, 3)), call(square(4, 3, 3)[:, :, :2])]
row("linalg.qr", [*TALL, call(square(3, 3), "complete"), call(square(3, 3)[:2])], kinds="f")
row("qr", [*TALL, call(square(3, 3), False)], kinds="f")
