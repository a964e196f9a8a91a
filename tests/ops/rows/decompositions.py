"""Singular values, eigenvalues, LU, LDL, reflections, least squares, norms and the exponential of matrices."""

from __future__ import annotations

import numpy as np

try:
    import scipy
except ImportError:
    scipy = None

from tests.ops.rows.linear_algebra import definite, square
from tests.ops.table import call, f, ints, rough, row

# -- Singular values and eigenvalues ---------------------------------------------------------------------

WIDE, TALL = f(2, 4) + 2 * np.eye(2, 4), f(4, 2) + 2 * np.eye(4, 2)
SPREAD = np.diag([1.0, 2.0, 4.0]) + f(3, 3, lo=-0.3, hi=0.3)  # singular and eigenvalues well apart
SVDS = [call(SPREAD, False), call(WIDE, False), call(TALL, False), call(f(0, 0), False)]
# Signs of factors are LAPACK's choice (tests/parity compares what does not depend on them), and rounding to halves
# would bring singular values together, where factors have no gradient.
row("linalg.svd", SVDS, lambda A, full: np.linalg.svd(A, full_matrices=full), kinds="", kinks=False)
row("svd", [call(SPREAD), call(WIDE), call(TALL)], kinds="", kinks=False)
row("linalg.svdvals", [call(SPREAD), call(WIDE), call(f(2, 3, 2))], lambda A: np.linalg.svd(A)[1], kinds="f")
EXACT = [call(SPREAD, q=3), call(TALL, q=2), call(WIDE, q=2)]
# They draw random numbers, and the signs of the factors follow them.
row("svd_lowrank", EXACT, kinds="", gradient=False, layout=False)
row("pca_lowrank", [call(TALL, q=2), call(TALL, q=2, center=False)], kinds="", gradient=False, layout=False)

# One triangle is read, but the gradient is given to both, half each, as to symmetric matrices.
HERMITIAN = [rough(definite(3, 3)), rough(definite(2, 2, 2)), rough(definite(2, 2), "U")]
row("linalg.eigh", HERMITIAN, lambda A, *_: np.linalg.eigh(A), kinds="f", kinks=False)
row("linalg.eigvalsh", HERMITIAN, lambda A, *_: np.linalg.eigvalsh(A), kinds="f")
row("linalg.eig", [call(SPREAD), call(np.array([[3.0]]))], np.linalg.eig, kinds="", kinks=False)
row("linalg.eigvals", [call(SPREAD), call(np.array([[0.0, -1.0], [1.0, 0.5]]))], np.linalg.eigvals, kinds="")

# -- LU, LDL, reflections --------------------------------------------------------------------------------

LUS = [call(square(3, 3)), call(square(2, 2, 2)), call(square(4, 4)[:, :2]), call(square(4, 4)[:2])]
for name in ("linalg.lu_factor", "linalg.lu_factor_ex", "linalg.lu", "lu"):
    row(name, LUS, kinds="f", kinks=False)
PACKED, SWAPS = square(3, 3), np.array([1, 3, 3], np.int32)
row("lu_unpack", [call(PACKED, SWAPS), call(PACKED, SWAPS, True, False), call(PACKED[:, :2], SWAPS[:2])], kinds="f")
SOLUTIONS = [call(PACKED, SWAPS, f(3, 2)), call(PACKED, SWAPS, f(3, 2), adjoint=True)]
row("linalg.lu_solve", [*SOLUTIONS, call(PACKED, SWAPS, f(2, 3), left=False)], kinds="f")
row("lu_solve", [call(f(3, 2), PACKED, SWAPS)], kinds="f")
LDLS = {"linalg.ldl_factor": [call(definite(3, 3))], "linalg.ldl_factor_ex": [call(definite(2, 2, 2))]}
for name, samples in LDLS.items():
    row(name, samples if scipy else [], kinds="f", gradient=False, because="needs SciPy", returns="Any")
row("linalg.ldl_solve", [call(np.tril(definite(3, 3)), np.array([1, 2, 3], np.int32), f(3, 2))], kinds="f",
    gradient=False)  # fmt: skip
REFLECTIONS = [call(f(4, 3), f(3)), call(f(3, 3), f(2)), call(f(2, 3, 2), f(2, 2))]
row("linalg.householder_product", REFLECTIONS, kinds="f")
row("geqrf", [call(square(3, 3)), call(square(3, 3)[:, :2])], kinds="f", gradient=False)
APPLIED = [{}, {"transpose": True}]
row("ormqr", [*(call(f(3, 2), f(2), f(3, 2), **o) for o in APPLIED), call(f(3, 3), f(3), f(2, 3), False)], kinds="f")

# -- Least squares, norms, exponential -------------------------------------------------------------------

SYSTEMS = [call(TALL, f(4, 2)), call(WIDE, f(2, 3)), call(square(3, 3), f(3), driver="gelsd")]
row("linalg.lstsq", SYSTEMS, kinds="f", kinks=False)
RANKS = [call(SPREAD), call(WIDE), call(TALL), call(f(2, 3, 2))]
row("linalg.pinv", [*RANKS, rough(definite(2, 2), hermitian=True)], np.linalg.pinv, kinds="f")
row("pinverse", RANKS, np.linalg.pinv, kinds="f")
row("linalg.matrix_rank", [*RANKS, call(np.ones((3, 3))), call(SPREAD, atol=3.0)], kinds="f", gradient=False)
row("linalg.cond", [call(SPREAD), call(SPREAD, 1), call(SPREAD, "fro"), call(SPREAD, -2)],
    np.linalg.cond, kinds="f", kinks=False)  # fmt: skip  # PyTorch's gradient for 1 and "fro" fails in float32
ORDERS = (2, 1, 3, 0.5, -1, 0, np.inf, -np.inf)
VECTORS = [call(f(2, 3, lo=0.3), ord, dim, keep) for ord in ORDERS for dim, keep in ((None, False), (-1, True))]
row("linalg.vector_norm", [*VECTORS, call(f(2, 3), 2, (0, 1))], kinds="f")
MATRIX_ORDERS = ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)
row("linalg.matrix_norm", [call(SPREAD, ord) for ord in MATRIX_ORDERS], np.linalg.norm, kinds="f", kinks=False)
MIXED = [call(f(3)), call(f(2, 3)), call(SPREAD, "nuc"), call(f(2, 3, 3), 1, (1, 2)), call(f(2, 3), 3, 1, True)]
row("linalg.norm", MIXED, np.linalg.norm, kinds="f", kinks=False)
row("linalg.matrix_exp", [call(f(2, 2)), call(3 * f(3, 3)), call(f(2, 2, 2)), call(f(0, 0))], kinds="f")
row("addbmm_", [], because="in place; `addbmm` has the samples")

# -- Losses ----------------------------------------------------------------------------------------------

LOGITS = f(5, 2, 4)
LABELS, INPUTS, LENGTHS = ints(2, 2, high=3) + 1, np.array([5, 4]), np.array([2, 1])
# PyTorch's gradient takes the input for the result of a log_softmax, and there is no second one.
CTC = [rough(LOGITS, LABELS, INPUTS, LENGTHS, 0, reduction) for reduction in ("none", "mean", "sum")]
row("nn.functional.ctc_loss", CTC, kinds="f", second=False)
SCORED = [
    call(f(3, 4), f(5, 4), ints(3, high=5)),
    call(f(3, 4), f(5, 4), ints(3, high=5), linear_bias=f(5), reduction="sum"),
    call(f(3, 4), f(5, 2, 4), ints(3, 2, high=5), reduction="none"),
]
row("nn.functional.linear_cross_entropy", SCORED, kinds="f")
