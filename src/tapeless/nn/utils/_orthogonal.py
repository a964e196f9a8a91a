"""The parametrization by orthogonal (or unitary) matrices."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import numpy as np

from tapeless._core.modes import no_grad
from tapeless._core.registry import FUNCTIONS
from tapeless._creation import eye, zeros_like
from tapeless._random_tensors import randn
from tapeless._tensor import Tensor

from .._module import Module
from . import parametrize


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """Maps a matrix (..., n, k) to one with orthonormal columns, or rows where n < k."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError(
                "The householder parametrization does not support complex tensors. Choose matrix_exp or cayley."
            )
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """Return the orthogonal matrix that ``X`` stands for."""
        wide = X.shape[-2] < X.shape[-1]
        tall = X.mT if wide else X
        q = _householder(tall) if self.orthogonal_map is _OrthMaps.householder else self._by_skew(tall)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if wide else q  # type: ignore[no-any-return]

    def _by_skew(self, x: Any) -> Any:
        """Return the first k columns of a function of the skew-symmetric A = L - L^H, L the lower triangle of x."""
        n, k = x.shape[-2:]
        lower = x.tril()
        if n != k:
            lower = FUNCTIONS["cat"]([lower, lower.new_zeros((*lower.shape[:-1], n - k))], dim=-1)
        skew = lower - lower.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = skew.matrix_exp()
        else:  # Cayley: (I + A/2) (I - A/2)^-1
            one = eye(n, dtype=x.dtype)
            q = FUNCTIONS["linalg.solve"](one - skew * 0.5, one + skew * 0.5)
        return q if n == k else q[..., :k]

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """Return what `forward` makes ``Q`` of; with a base, ``Q`` becomes the base, made orthogonal where need be."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        tall: Any = Q.mT if wide else Q
        if not hasattr(self, "base"):
            x = self._reflections_of(tall)
            return x.mT if wide else x  # type: ignore[no-any-return]
        n, k = tall.shape[-2:]
        if n == k:
            whole = tall.clone() if _is_orthogonal(tall) else _make_orthogonal(tall)
        else:  # more columns, at random, make it square
            filling = randn(*tall.shape[:-2], n, n - k, dtype=tall.dtype)
            whole = _make_orthogonal(FUNCTIONS["cat"]([tall, filling], dim=-1))
        self.base = whole
        # -I stands for I in all three: the diagonal gives the signs of reflections, and counts for nothing elsewhere.
        minus_one = zeros_like(Q)
        minus_one.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return minus_one

    def _reflections_of(self, q: Any) -> Any:
        if self.orthogonal_map is not _OrthMaps.householder:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        x, tau = FUNCTIONS["geqrf"](q)
        signs = x.diagonal(dim1=-2, dim2=-1)
        signs.sign_()
        signs[tau == 0.0] *= -1
        return x


def _householder(x: Any) -> Any:
    """Return the product of the reflections below the diagonal of x, columns times the signs on its diagonal."""
    below = x.tril(-1)
    tau = 2.0 / (1.0 + (below * below).sum(dim=-2))
    q = FUNCTIONS["linalg.householder_product"](below, tau)
    return q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)


def _is_orthogonal(q: Any) -> bool:
    n, k = q.shape[-2:]
    tolerance = 10 * n * float(np.finfo(q.dtype).eps)
    return bool(FUNCTIONS["allclose"](q.mH @ q, eye(k, dtype=q.dtype), atol=tolerance))


def _make_orthogonal(a: Any) -> Any:
    """Return the orthogonal factor of a QR decomposition whose R has a positive diagonal."""
    x, tau = FUNCTIONS["geqrf"](a)
    q = FUNCTIONS["linalg.householder_product"](x, tau)
    return q * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep ``module.<name>`` orthogonal (complex: unitary), as a parametrization; return the module.

    A tensor (..., n, k) has orthonormal columns, or rows where n < k. Any original gives such one:

    - ``"matrix_exp"``: the matrix exponential of a skew-symmetric matrix (default for square and complex ones);
    - ``"cayley"``: ``(I + A/2) (I - A/2)^-1`` for a skew-symmetric A;
    - ``"householder"``: a product of Householder reflections (default for others).

    With ``use_trivialization`` all is multiplied by a fixed orthogonal ``base``, the value assigned last, at which
    the map is best behaved; without it, ``base`` is not in the state dict, and only ``"householder"`` can be
    assigned to.

    Raises ``ValueError`` where there is no such parameter, for fewer than two dimensions, or an unknown map.
    Source: M. Lezcano-Casado, https://arxiv.org/abs/1909.09501;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.orthogonal.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.orthogonal(tl.nn.Linear(20, 40))
    >>> q = layer.weight
    >>> tl.allclose(q.T @ q, tl.eye(20), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _OrthMaps.__members__:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, _OrthMaps[orthogonal_map], use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)
