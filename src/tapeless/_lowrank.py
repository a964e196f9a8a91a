"""Approximate singular values and principal components of large matrices, by random projections.

Halko, Martinsson and Tropp, "Finding structure with randomness" (2011), algorithm 4.4. It draws numbers, which the
operations in `_ops` cannot.
"""

from __future__ import annotations

from typing import Any

from ._core.registry import composite
from ._core.tensor_base import is_tensor
from ._ops.factorization import linalg_qr
from ._ops.linear_algebra import check_inexact
from ._ops.spectral import linalg_svd
from ._random_tensors import randn


def _basis(matrix: Any, q: int, niter: int) -> Any:
    """Return Q whose range is close to that of the matrix."""
    Q = linalg_qr(matrix @ randn(matrix.shape[-1], q, dtype=matrix.dtype)).Q
    for _ in range(niter):
        Q = linalg_qr(matrix.mH @ Q).Q
        Q = linalg_qr(matrix @ Q).Q
    return Q


@composite("svd_lowrank", methods="")
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> Any:
    """Return (U, S, V) of about the `q` greatest singular values of ``A - M``, by random projections.

    See https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html

    >>> import tapeless as tl
    >>> tl.svd_lowrank(tl.eye(3), q=3)[1].round(decimals=3)
    tensor([1., 1., 1.])
    """
    q = 6 if q is None else q
    m, n = A.shape[-2:]
    matrix = A if M is None else A - M.broadcast_to(A.shape)
    turned = m < n  # the basis of a tall matrix is the shorter one
    matrix = matrix.mH if turned else matrix
    Q = _basis(matrix, q, 2 if niter is None else niter)
    U, S, Vh = linalg_svd(Q.mH @ matrix, False)
    U, V = Q @ U, Vh.mH
    return (V, S, U) if turned else (U, S, V)


@composite("pca_lowrank", methods="")
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """Return (U, S, V) of the `q` principal components of the rows of `A`: `svd_lowrank`, by default of centred
    columns.

    See https://docs.pytorch.org/docs/stable/generated/torch.pca_lowrank.html

    >>> import tapeless as tl
    >>> tl.pca_lowrank(tl.tensor([[1.0, 0.0], [-1.0, 0.0]]), q=1)[1]
    tensor([1.4142])
    """
    if not is_tensor(A):
        raise TypeError(f"pca_lowrank(): A must be a Tensor, not {type(A).__name__}")
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    check_inexact("pca_lowrank", A)
    return svd_lowrank(A - A.mean((-2,), True) if center else A, q, niter)
