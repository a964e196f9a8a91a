"""Multivariate normal distributions whose covariance is a diagonal plus a matrix of low rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from ._vector_normal import VectorNormal, half_log_det, mahalanobis, squares, times_vector
from .utils import lazy_property


class LowRankMultivariateNormal(VectorNormal):
    """The normal distribution of vectors (..., n) with covariance ``cov_factor @ cov_factor.mT + diag(cov_diag)``.

    ``cov_factor`` is (..., n, m) with a small m: determinants and inverses then cost that of m x m matrices, by
    Woodbury's identity. Raises ValueError for shapes that do not fit.
    See https://docs.pytorch.org/docs/stable/distributions.html#lowrankmultivariatenormal

    >>> import tapeless as tl
    >>> tl.distributions.LowRankMultivariateNormal(tl.zeros(2), tl.ones(2, 1), tl.ones(2)).covariance_matrix
    tensor([[2., 1.],
            [1., 2.]])
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    _shared = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        _check_shapes(loc, cov_factor, cov_diag)
        try:
            wide_loc, self.cov_factor, wide_diag = tl.broadcast_tensors(
                loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1)
            )
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_diag = wide_loc[..., 0], wide_diag[..., 0]
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        capacitance = self._weighted() @ cov_factor
        self._capacitance_tril = tl.cholesky(capacitance + tl.eye(cov_factor.shape[-1], dtype=capacitance.dtype))
        super().__init__(self.loc.shape[:-1], loc.shape[-1:], validate_args=validate_args)

    def _weighted(self) -> Any:
        """Return ``cov_factor.mT / cov_diag``, (..., m, n)."""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _log_det(self) -> Any:
        """Return the log-determinant of the covariance (the matrix determinant lemma)."""
        return 2 * half_log_det(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _mahalanobis(self, x: Tensor) -> Any:
        """Return ``x @ inverse(covariance) @ x`` (Woodbury's identity)."""
        direct = (x.pow(2) / self._unbroadcasted_cov_diag).sum(-1)
        return direct - mahalanobis(self._capacitance_tril, times_vector(self._weighted(), x))

    def _whitened(self) -> Any:
        """Return the A with ``inverse(covariance) = diag(1 / cov_diag) - A.mT @ A``, (..., m, n)."""
        return tl.solve_triangular(self._capacitance_tril, self._weighted(), upper=False)

    def _precision_trace(self, root: Tensor) -> Any:
        direct = squares(root / self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1))
        return direct - squares(self._whitened() @ root)

    def _precision_diagonal(self) -> Any:
        return self._unbroadcasted_cov_diag.reciprocal() - self._whitened().pow(2).sum(-2)

    def _expected_distance(self, other: VectorNormal) -> Any:
        diagonal = (other._precision_diagonal() * self._unbroadcasted_cov_diag).sum(-1)
        return diagonal + other._precision_trace(self._unbroadcasted_cov_factor)

    @lazy_property
    def variance(self) -> Any:
        """The variance of each element, of shape ``batch_shape + (n,)``."""
        variance = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return variance.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        inner = scaled @ scaled.mT + tl.eye(self._event_shape[0], dtype=scaled.dtype)
        return self._broadcast(root * tl.cholesky(inner))

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._broadcast(factor @ factor.mT + self._unbroadcasted_cov_diag.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        a = self._whitened()
        return self._broadcast(self._unbroadcasted_cov_diag.reciprocal().diag_embed() - a.mT @ a)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw ``loc + cov_factor @ e + sqrt(cov_diag) * d`` with standard normal `e` and `d`."""
        shape = self._extended_shape(sample_shape)
        e = tl.randn(shape[:-1] + Size(self.cov_factor.shape[-1:]), dtype=self.loc.dtype)
        d = tl.randn(shape, dtype=self.loc.dtype)
        low_rank = times_vector(self._unbroadcasted_cov_factor, e)
        return self.loc + low_rank + self._unbroadcasted_cov_diag.sqrt() * d


def _check_shapes(loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> None:
    if loc.ndim < 1:
        raise ValueError("loc must be at least one-dimensional.")
    if cov_factor.ndim < 2:
        raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
    event_shape = loc.shape[-1:]
    if cov_factor.shape[-2:-1] != event_shape:
        raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
    if cov_diag.shape[-1:] != event_shape:
        raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
