"""What the normal distributions of vectors share."""

from __future__ import annotations

import math
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution


def half_log_det(factor: Tensor) -> Any:
    """Return half the log-determinant of the matrices with these Cholesky factors (..., n, n)."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def squares(matrix: Tensor) -> Any:
    """Return the sum of the squares of each matrix (..., n, m)."""
    return matrix.pow(2).sum((-2, -1))


def mahalanobis(factor: Tensor, x: Tensor) -> Any:
    """Return ``x @ inverse(factor @ factor.mT) @ x`` for vectors (..., n) and factors (..., n, n), broadcast."""
    return squares(tl.solve_triangular(factor, x.unsqueeze(-1), upper=False))


def times_vector(matrix: Tensor, x: Tensor) -> Any:
    """Return ``matrix @ x`` for vectors (..., n), broadcast."""
    return (matrix @ x.unsqueeze(-1)).squeeze(-1)


class VectorNormal(Distribution):
    """Base of normal distributions of vectors (..., n), which differ in how the covariance is given."""

    support = constraints.real_vector
    has_rsample = True
    loc: Any

    mean = mode = property(lambda self: self.loc)

    def _log_det(self) -> Any:
        """Return the log-determinant of the covariance."""
        raise NotImplementedError

    def _mahalanobis(self, x: Tensor) -> Any:
        """Return ``x @ precision @ x``."""
        raise NotImplementedError

    def _precision_trace(self, root: Tensor) -> Any:
        """Return the trace of ``precision @ root @ root.mT`` for matrices (..., n, m)."""
        raise NotImplementedError

    def _precision_diagonal(self) -> Any:
        """Return the diagonal of the precision."""
        raise NotImplementedError

    def _expected_distance(self, other: VectorNormal) -> Any:
        """Return the trace of the covariance times the precision of another distribution."""
        raise NotImplementedError

    def _broadcast(self, matrix: Tensor) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density of vectors (..., n)."""
        self._check(value)
        distance = self._mahalanobis(value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Any:
        """Return ``(n * log(2 pi e) + log(det(covariance))) / 2``."""
        constant = self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        return (0.5 * (constant + self._log_det())).expand(self._batch_shape)
