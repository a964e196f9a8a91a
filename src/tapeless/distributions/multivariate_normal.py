"""The multivariate normal distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor, broadcast_shapes
from ._vector_normal import VectorNormal, half_log_det, mahalanobis, squares, times_vector
from .utils import lazy_property


def factor_of_inverse(precision: Tensor) -> Any:
    """Return the Cholesky factors of the inverses of positive definite matrices (..., n, n)."""
    flipped = tl.cholesky(precision.flip((-2, -1)))
    upper = flipped.flip((-2, -1)).mT
    return tl.solve_triangular(upper, tl.eye(precision.shape[-1], dtype=precision.dtype), upper=False)


class MultivariateNormal(VectorNormal):
    """The normal distribution of vectors (..., n) of mean ``loc``, given by one of three matrices (..., n, n).

    These are ``covariance_matrix``, its inverse ``precision_matrix``, and its Cholesky factor ``scale_tril``, which
    is the cheapest. Raises ValueError unless exactly one is given, and for too few dims.
    See https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal

    >>> import tapeless as tl
    >>> tl.distributions.MultivariateNormal(tl.zeros(2), tl.eye(2)).log_prob(tl.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    _shared = ("_unbroadcasted_scale_tril",)

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        name, matrix = _only_matrix(matrices)
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        if name != "scale_tril":
            matrix = tl.cholesky(matrix) if name == "covariance_matrix" else factor_of_inverse(matrix)
        self._unbroadcasted_scale_tril = matrix

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        return self._broadcast(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_scale_tril
        return self._broadcast(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        return self._broadcast(tl.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def variance(self) -> Any:
        """The variance of each element, of shape ``batch_shape + (n,)``."""
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw ``loc + scale_tril @ eps`` with standard normal `eps`."""
        eps = tl.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + times_vector(self._unbroadcasted_scale_tril, eps)

    def _log_det(self) -> Any:
        return 2 * half_log_det(self._unbroadcasted_scale_tril)

    def _mahalanobis(self, x: Tensor) -> Any:
        return mahalanobis(self._unbroadcasted_scale_tril, x)

    def _precision_trace(self, root: Tensor) -> Any:
        return squares(tl.solve_triangular(self._unbroadcasted_scale_tril, root, upper=False))

    def _precision_diagonal(self) -> Any:
        unit = tl.eye(self._event_shape[0], dtype=self.loc.dtype)
        return tl.solve_triangular(self._unbroadcasted_scale_tril, unit, upper=False).pow(2).sum(-2)

    def _expected_distance(self, other: VectorNormal) -> Any:
        return other._precision_trace(self._unbroadcasted_scale_tril)


def _only_matrix(matrices: dict[str, Any]) -> tuple[str, Any]:
    """Return the name and value of the one matrix that was given."""
    given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
    if len(given) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    name, matrix = given[0]
    if matrix.ndim < 2:
        what = "scale_tril matrix" if name == "scale_tril" else name
        raise ValueError(f"{what} must be at least two-dimensional, with optional leading batch dimensions")
    return name, matrix
