"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row

WEIGHTS = {"beta": 0.5, "alpha": 2.0}


def plus(product):
    """Add a product to a first argument, each with its factor."""
    return lambda x, *factors, beta=1, alpha=1: beta * x + alpha * product(*factors)


row("addmv", [call(f(2), f(2, 3), f(3)), call(f(1), f(2, 3), f(3), **WEIGHTS), call(f(2), f(2, 0), f(0))],
    plus(np.matmul))  # fmt: skip
BATCHES = [call(f(2, 4), f(3, 2, 5), f(3, 5, 4)), call(f(4), f(3, 2, 5), f(3, 5, 4), **WEIGHTS)]
row("addbmm", BATCHES, plus(lambda a, b: (a @ b).sum(0)))
row("addr", [call(f(2, 3), f(2), f(3)), call(f(3), f(2), f(3), **WEIGHTS), call(f(2, 0), f(2), f(0))], plus(np.outer))
row("vdot", [call(f(3), f(3)), call(f(0), f(0))], np.vdot)
row("linalg.vecdot", [call(f(2, 3), f(2, 3)), call(f(2, 3), f(3)), call(f(3, 2), f(3, 2), dim=0), call(f(0), f(0))],
    lambda a, b, dim=-1: (a * b).sum(dim), kinds="f")  # fmt: skip
INNERS = [call(f(3), f(3)), call(f(2, 3), f(3)), call(f(2, 3), f(4, 3)), call(f(), f(2)), call(f(2, 0), f(0))]
row("inner", INNERS, np.inner)
row(
    "tensordot",
    [
        call(f(2, 3, 4), f(3, 4, 5)),
        call(f(2, 3), f(3, 2), 1),
        call(f(2), f(3), 0),
        call(f(2, 3), f(3, 2), ([0, 1], [1, 0])),
        call(f(2, 3, 4), f(4, 2), dims=([0], [1])),
        call(f(2, 0), f(0, 2), 1),
    ],
    lambda a, b, dims=2: np.tensordot(a, b, dims),
)
row("kron", [call(f(2), f(3)), call(f(2, 2), f(1, 3)), call(f(2), f(2, 2)), call(f(), f(2)), call(f(0), f(2))], np.kron)
CROSSES = [call(f(3), f(3)), call(f(2, 3), f(2, 3)), call(f(2, 3), f(1, 3))]


def cross(a, b, dim=None):
    """Take the cross product along a dim, by default the first of size 3."""
    return np.cross(a, b, axis=a.shape.index(3) if dim is None else dim)


row("cross", [*CROSSES, call(f(3, 2), f(3, 2), 0), call(f(2, 3, 4), f(2, 3, 4))], cross)
row("linalg.cross", [*CROSSES, call(f(3, 2), f(3, 2), dim=0)], lambda a, b, dim=-1: np.cross(a, b, axis=dim))
row("linalg.diagonal", [call(f(3, 4)), call(f(2, 3, 3)), call(f(3, 4), offset=1), call(f(2, 3, 4), dim1=0, dim2=1)])
POINTS = [call(f(3)), call(f(3), 2), call(f(2), 4), call(f(3), increasing=True), call(f(2), 0), call(f(0))]
row("vander", POINTS, np.vander, kinks=False)  # PyTorch's rule fails: it writes into what it kept
row("linalg.vander", [call(f(3)), call(f(2, 3)), call(f(3), N=2), call(f(2), N=4)],
    lambda x, N=None: x[..., None] ** np.arange(N or x.shape[-1]))  # fmt: skip
row("combinations", [call(f(4)), call(f(3), 3), call(f(3), 2, True), call(f(3), r=1), call(f(2), 3)])
row(
    "einsum",
    [
        call("ij,jk->ik", f(2, 3), f(3, 4)),
        call("ii", f(3, 3)),
        call("ii->i", f(3, 3)),
        call("ij->ji", f(2, 3)),
        call("...i,...i->...", f(2, 3), f(3)),
        call("bij,bjk,k", f(2, 2, 3), f(2, 3, 2), f(2)),
        call("i,j->", f(2), f(3)),
        call("ij,ij->i", f(2, 1), f(2, 3)),
        call(",i", f(), f(2)),
        call("ij,j", f(2, 0), f(0)),
    ],
    lambda *args: np.einsum(*args),
    kinds="fi",  # PyTorch gives int64 for some sums of bools, bool for others
)
