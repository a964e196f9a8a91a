"""Transforms of vectors and matrices, and of parts of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from ._scalar_transforms import clipped_sigmoid
from ._transform import Stateless, Transform
from .utils import finfo, lazy_property, sum_rightmost, tril_matrix_to_vec, vec_to_tril_matrix


def _check_dims(shape: Sequence[int], least: int) -> None:
    if len(shape) < least:
        raise ValueError("Too few dimensions on input")


class ReshapeTransform(Transform):
    """Events of `in_shape` laid out in `out_shape`.

    Raises ValueError for shapes with different numbers of elements.

    >>> import tapeless as tl
    >>> tl.distributions.ReshapeTransform((2, 3), (6,))(tl.ones(5, 2, 3)).shape
    torch.Size([5, 6])
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        self.in_shape = Size(in_shape)
        self.out_shape = Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:
        """All numbers, as events with the dims of `in_shape`."""
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:
        """All numbers, as events with the dims of `out_shape`."""
        return constraints.independent(constraints.real, len(self.out_shape))

    def _copy(self, cache_size: int) -> Transform:
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size=cache_size)

    def _call(self, x: Tensor) -> Any:
        return x.reshape(x.shape[: x.ndim - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: Tensor) -> Any:
        return y.reshape(y.shape[: y.ndim - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return zeros."""
        return tl.zeros(x.shape[: x.ndim - len(self.in_shape)], dtype=x.dtype)

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the output for inputs of `shape`. Raises ValueError where it does not fit."""
        return self._replaced(Size(shape), self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the input for outputs of `shape`. Raises ValueError where it does not fit."""
        return self._replaced(Size(shape), self.out_shape, self.in_shape)

    def _replaced(self, shape: Size, old: Size, new: Size) -> Size:
        _check_dims(shape, len(old))
        cut = len(shape) - len(old)
        if shape[cut:] != old:
            raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {old}")
        return shape[:cut] + new


class SoftmaxTransform(Stateless):
    """Vectors to probabilities in proportion to their exponentials; not invertible, as sums are lost.

    >>> import tapeless as tl
    >>> tl.distributions.SoftmaxTransform()(tl.zeros(4))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Any:
        weights = (x - x.amax(-1, True)).exp()
        return weights / weights.sum(-1, True)

    def _inverse(self, y: Tensor) -> Any:
        return y.log()

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return `shape`. Raises ValueError for too few dims."""
        _check_dims(shape, 1)
        return shape

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return `shape`. Raises ValueError for too few dims."""
        return self.forward_shape(shape)


class StickBreakingTransform(Stateless):
    """K - 1 numbers to K probabilities: each number breaks a part off what is left of a stick of length 1.

    Zeros become equal parts. Source: Stan's manual, "Unit simplex",
    https://mc-stan.org/docs/reference-manual/transforms.html

    >>> import tapeless as tl
    >>> tl.distributions.StickBreakingTransform()(tl.zeros(3))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _log_parts_left(count: int, dtype: Any) -> Tensor:
        """Return the logarithms of count, ..., 2, 1: how many parts follow the k-th."""
        return tl.arange(count, 0, -1).to(dtype).log()

    def _call(self, x: Tensor) -> Any:
        z = clipped_sigmoid(x - self._log_parts_left(x.shape[-1], x.dtype))
        left = (1 - z).cumprod(-1)
        return tl.pad(z, (0, 1), value=1.0) * tl.pad(left, (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Any:
        parts = y[..., :-1]
        left = (1 - parts.cumsum(-1)).clamp(min=finfo(y).tiny)
        return parts.log() - left.log() + self._log_parts_left(parts.shape[-1], y.dtype)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return the sum of the logarithms of each part's slope."""
        x = x - self._log_parts_left(x.shape[-1], x.dtype)
        return (-x + tl.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return `shape` with a last dim one larger. Raises ValueError for too few dims."""
        _check_dims(shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return `shape` with a last dim one smaller. Raises ValueError for too few dims."""
        _check_dims(shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


class LowerCholeskyTransform(Stateless):
    """Square matrices to lower triangular ones with a positive diagonal: the exponential of theirs.

    >>> import tapeless as tl
    >>> tl.distributions.LowerCholeskyTransform()(tl.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Stateless):
    """Square matrices to positive definite ones, by way of a Cholesky factor.

    >>> import tapeless as tl
    >>> tl.distributions.PositiveDefiniteTransform()(tl.zeros(1, 1))
    tensor([[1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Any:
        return LowerCholeskyTransform().inv(tl.cholesky(y))


class CorrCholeskyTransform(Transform):
    """D * (D - 1) / 2 numbers to the Cholesky factor of a D x D correlation matrix.

    Row by row, the tanh of each number is the part that it takes of what is left of the row's length 1.
    Source: Stan's manual, "Cholesky factors of correlation matrices",
    https://mc-stan.org/docs/reference-manual/transforms.html

    >>> import tapeless as tl
    >>> tl.distributions.CorrCholeskyTransform()(tl.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Any:
        eps = finfo(x).eps
        r = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + tl.eye(r.shape[-1], dtype=r.dtype)
        return r * tl.pad(left[..., :-1], (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Any:
        left = tl.pad((1 - (y * y).cumsum(-1))[..., :-1], (1, 0), value=1.0)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return the sum of the logarithms of what was left of the rows, and of the slopes of tanh."""
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        slopes = -2 * (x + tl.softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + slopes

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the matrices. Raises ValueError where the numbers do not fill a triangle."""
        _check_dims(shape, 1)
        count = shape[-1]
        size = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], size, size))

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the vectors. Raises ValueError for matrices that are not square."""
        _check_dims(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


class _Parts(Transform):
    """Base of transforms that treat parts of a tensor along a dim each in its own way."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    bijective = property(lambda self: all(t.bijective for t in self.transforms))

    def _cut(self, name: str, tensor: Tensor) -> Any:
        """Return the parts of a tensor. Raises AssertionError where it does not fit."""
        if not -tensor.ndim <= self.dim < tensor.ndim:
            raise AssertionError(f"dim {self.dim} out of range for {name} with {tensor.ndim} dimensions")
        return self._split(name, tensor)

    def _split(self, name: str, tensor: Tensor) -> Any:
        raise NotImplementedError

    def _join(self, parts: Sequence[Tensor]) -> Any:
        raise NotImplementedError

    def _call(self, x: Tensor) -> Any:
        return self._join([t(part) for t, part in zip(self.transforms, self._cut("tensor", x), strict=True)])

    def _inverse(self, y: Tensor) -> Any:
        return self._join([t.inv(part) for t, part in zip(self.transforms, self._cut("tensor", y), strict=True)])

    def _log_dets(self, x: Tensor, y: Tensor) -> list[Any]:
        parts = zip(self.transforms, self._cut("x", x), self._cut("y", y), strict=True)
        return [t.log_abs_det_jacobian(before, after) for t, before, after in parts]


class CatTransform(_Parts):
    """Transforms for parts of `lengths` (1 unless given) that lie one after the other along `dim`.

    Raises AssertionError where the parts do not fit.

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> D.CatTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)], dim=0, lengths=[1, 2])(tl.zeros(3))
    tensor([1., 1., 1.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    @lazy_property
    def event_dim(self) -> Any:
        """The number of dims of the largest events among the parts."""
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> Any:
        """The size of the dim."""
        return sum(self.lengths)

    @constraints.dependent_property
    def domain(self) -> Any:
        """The domains of the parts."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        """The codomains of the parts."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _copy(self, cache_size: int) -> Transform:
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _split(self, name: str, tensor: Tensor) -> Any:
        if tensor.shape[self.dim] != self.length:
            name = "x" if name == "tensor" else name
            raise AssertionError(f"{name}.size({self.dim}) = {tensor.shape[self.dim]} must equal length {self.length}")
        return tensor.split(self.lengths, self.dim)

    def _join(self, parts: Sequence[Tensor]) -> Any:
        return tl.cat(parts, dim=self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return those of the parts, side by side, or their sum where `dim` is part of the event."""
        terms = [
            sum_rightmost(term, max(self.event_dim - t.event_dim, 0))
            for t, term in zip(self.transforms, self._log_dets(x, y), strict=True)
        ]
        dim = (self.dim - x.ndim if self.dim >= 0 else self.dim) + self.event_dim
        return tl.cat(terms, dim=dim) if dim < 0 else sum(terms)


class StackTransform(_Parts):
    """Transforms for the slices along `dim`.

    Raises AssertionError where there are not as many slices as transforms.

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> D.StackTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)])(tl.zeros(2))
    tensor([1., 1.])
    """

    @constraints.dependent_property
    def domain(self) -> Any:
        """The domains of the slices."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        """The codomains of the slices."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _copy(self, cache_size: int) -> Transform:
        return StackTransform(self.transforms, self.dim, cache_size)

    def _split(self, name: str, tensor: Tensor) -> Any:
        if tensor.shape[self.dim] != len(self.transforms):
            name = "x" if name == "tensor" else name
            raise AssertionError(
                f"{name}.size({self.dim}) = {tensor.shape[self.dim]} must equal len(transforms) {len(self.transforms)}"
            )
        return tensor.unbind(self.dim)

    def _join(self, parts: Sequence[Tensor]) -> Any:
        return tl.stack(parts, dim=self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return those of the slices, stacked."""
        return tl.stack(self._log_dets(x, y), dim=self.dim)
