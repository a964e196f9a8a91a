"""The LKJ distribution of correlation matrices, as Cholesky factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all, finfo


class LKJCholesky(Distribution):
    """Cholesky factors of random ``dim`` x ``dim`` correlation matrices.

    The density of the matrices M is in proportion to ``det(M) ** (concentration - 1)``: with a ``concentration`` of 1
    all are equally likely. Samples are drawn row by row, the length of a row's first part from a beta distribution
    (the onion method). Raises ValueError for `dim` below 2.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#lkjcholesky; Lewandowski, Kurowicka and Joe,
    "Generating random correlation matrices based on vines and extended onion method" (2009).

    >>> import tapeless as tl
    >>> tl.distributions.LKJCholesky(3, 0.5).sample().shape
    torch.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _shared = ("dim",)

    def __init__(self, dim: int, concentration: Tensor | float = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        self._beta = self._row_lengths()
        super().__init__(self.concentration.shape, Size((dim, dim)), validate_args)

    def _row_lengths(self) -> Any:
        """Return the distribution of the squared lengths of the rows without their last number.

        The first row has no more than that; its length is drawn and not used.
        """
        offset = tl.pad(tl.arange(self.dim - 1).to(self.concentration.dtype), (1, 0))
        last = self.concentration.unsqueeze(-1) + 0.5 * (self.dim - 2) - 0.5 * offset
        return Beta(offset + 0.5, last)

    def _expand_into(self, new: Any, batch_shape: Size) -> None:
        new._beta = self._beta.expand((*batch_shape, self.dim))
        super()._expand_into(new, batch_shape)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape + (dim, dim)``; they have no gradient."""
        lengths = self._beta.sample(sample_shape).unsqueeze(-1)
        directions = tl.randn(self._extended_shape(sample_shape), dtype=lengths.dtype).tril(-1)
        norms = directions.norm(dim=-1, keepdim=True)
        rows = lengths.sqrt() * (directions / norms.masked_fill(norms == 0, 1.0))
        left = (1 - rows.square().sum(-1)).clamp(finfo(rows).tiny, None)
        return rows + left.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density of Cholesky factors."""
        self._check(value)
        n = self.dim - 1
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - tl.arange(2, self.dim + 1)
        unnormalized = (powers * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * n
        log_norm = 0.5 * n * math.log(math.pi) + tl.mvlgamma(alpha - 0.5, n) - alpha.lgamma() * n
        return unnormalized - log_norm
