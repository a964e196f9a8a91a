"""The Wishart distribution."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor, broadcast_shapes
from ._vector_normal import half_log_det
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import factor_of_inverse
from .utils import finfo, lazy_property, vec_to_tril_matrix


class Wishart(ExponentialFamily):
    """Positive definite matrices (..., n, n): ``x @ x.mT`` where x has ``df`` normal columns of the same covariance.

    That is given by one of ``covariance_matrix``, its inverse ``precision_matrix`` and its Cholesky factor
    ``scale_tril``; ``df`` is above n - 1 and need be no integer. Raises AssertionError unless exactly one matrix is
    given, ValueError for too few dims or degrees of freedom. Warns where `df` is below n.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#wishart; samples by Bartlett's decomposition, see
    Smith and Hocking, "Wishart variate generator" (1972).

    >>> import tapeless as tl
    >>> tl.distributions.Wishart(tl.tensor(3.0), tl.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    df: Any
    _mean_carrier_measure = 0
    _expanded = ("df", "_unbroadcasted_scale_tril")

    def __init__(
        self,
        df: Tensor | float,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        name, matrix = given[0]
        if matrix.ndim < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        degrees = df if isinstance(df, Tensor) else tl.tensor(df, dtype=matrix.dtype)
        batch_shape = broadcast_shapes(matrix.shape[:-2], degrees.shape)
        self.df = degrees.expand(batch_shape)
        self._check_degrees(df, matrix.shape[-1])
        wide = matrix.expand((*batch_shape, -1, -1))
        setattr(self, name, wide)
        super().__init__(batch_shape, matrix.shape[-2:], validate_args=validate_args)
        if name != "scale_tril":
            wide = tl.cholesky(wide) if name == "covariance_matrix" else factor_of_inverse(wide)
        self._unbroadcasted_scale_tril: Any = wide
        self._chi2 = Chi2(self.df.unsqueeze(-1) - tl.arange(self._event_shape[-1]).to(self.df.dtype))

    def _check_degrees(self, df: Any, n: int) -> None:
        if (self.df <= n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        if (self.df < n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=3,
            )

    def _expand_into(self, new: Any, batch_shape: Size) -> None:
        new._chi2 = self._chi2.expand(batch_shape + self._event_shape[-1:])
        super()._expand_into(new, batch_shape)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """What the parameters must satisfy; the bound of `df` depends on the size of the matrices."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance of a column."""
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        identity = tl.eye(self._event_shape[-1], dtype=self._unbroadcasted_scale_tril.dtype)
        inverse = tl.cholesky_solve(identity, self._unbroadcasted_scale_tril)
        return inverse.expand(self._batch_shape + self._event_shape)

    @property
    def _wide_df(self) -> Any:
        """The degrees of freedom, with dims for the matrix."""
        return self.df.reshape((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Any:
        """The covariance times `df`."""
        return self._wide_df * self.covariance_matrix

    @property
    def mode(self) -> Any:
        """The most probable matrix, NaN unless `df` is above n + 1."""
        factor = self._wide_df - self.covariance_matrix.shape[-1] - 1
        return factor.masked_fill(factor <= 0, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Any:
        """The variance of each element."""
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        return self._wide_df * (covariance.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _draw(self, sample_shape: Sequence[int]) -> Any:
        """Draw triangular matrices of chi values and normal ones, and multiply them by the factor."""
        n = self._event_shape[-1]
        lengths = self._chi2.rsample(sample_shape).sqrt()
        diagonal = lengths.clamp(finfo(lengths).eps, None).diag_embed(dim1=-2, dim2=-1)
        below = tl.randn((*sample_shape, *self._batch_shape, n * (n - 1) // 2), dtype=lengths.dtype)
        root = self._unbroadcasted_scale_tril @ (diagonal + vec_to_tril_matrix(below, -1) if n > 1 else diagonal)
        return root @ root.mT

    def _is_singular(self, sample: Tensor) -> Any:
        """Return in which samples any matrix of the batch is singular."""
        singular = ~self.support.check(sample)
        return singular.flatten(-len(self._batch_shape)).any(-1) if self._batch_shape else singular

    def rsample(self, sample_shape: Sequence[int] = (), max_try_correction: int | None = None) -> Any:
        """Draw samples with gradients; singular ones are drawn anew, up to `max_try_correction` times (10).

        Warns where that happens. (PyTorch 2.13 mistakes regular samples for singular ones: it warns at each call and
        draws twice, so that the same seed gives other numbers.)
        """
        sample = self._draw(sample_shape)
        singular = self._is_singular(sample)
        if singular.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(10 if max_try_correction is None else max_try_correction):
                again = self._draw(singular[singular].shape)
                sample[singular] = again
                singular[singular.clone()] = self._is_singular(again)
                if not singular.any():
                    break
        return sample

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density of matrices (..., n, n)."""
        self._check(value)
        df, n, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = tl.cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1)
        log_norm = df * (n * math.log(2) / 2 + half_log_det(factor)) + tl.mvlgamma(df / 2, n)
        return (df - n - 1) / 2 * tl.slogdet(value)[1] - trace / 2 - log_norm

    def entropy(self) -> Any:
        """Return the entropy."""
        df, n = self.df, self._event_shape[-1]
        slope = (df.unsqueeze(-1) / 2 - tl.arange(n).to(df.dtype) / 2).digamma().sum(-1)
        log_det = n * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)
        return (n + 1) * log_det + tl.mvlgamma(df / 2, n) - (df - n - 1) / 2 * slope + df * n / 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        return half * (n * math.log(2) - tl.slogdet(-2 * x)[1]) + tl.mvlgamma(half, n)
